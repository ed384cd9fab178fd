import { resolve } from 'node:path';
import { RenderApi } from '../api/render-api.js';
import { type ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { createLog } from '../io/node/log.js';
import type { LogLevel } from '../io/node/log-level.js';
import { terminal } from '../render/terminal.js';
import { announceSource } from './announce-source.js';
import type { Config } from './config.js';
import { DaemonProgress } from './daemon-progress.js';
import { memberConfig } from './member-config.js';
import { memberFeed } from './member-feed.js';
import { type MemberHost, startMemberHost } from './member-host.js';
import type { MetricsListener, MetricsSubjects } from './metrics-listener.js';
import { commandWithOtherPorts } from './other-ports.js';
import { Rendering } from './rendering.js';
import { isWell, readyStatus, takeNotify } from './service-notify.js';
import { sourceSpec } from './source-spec.js';
import { withSrvNodes } from './srv.js';
import { Supervision } from './supervision.js';
import { daemonTextLog } from './text-log.js';
import { tuneV8 } from './v8.js';

/** Runs until a signal, or a failure that it can't live with. Answers the exit code. `helpers`: see {@link tuneV8}. */
export async function daemon(config: Config, helpers: readonly number[]): Promise<number> {
  tuneV8(helpers);
  const clock = new NodeClock();
  // A person at a terminal sees files and what went wrong; a pipe gets JSON lines of everything.
  const person = process.stdout.isTTY === true && process.stderr.isTTY === true;
  const level = person && config.logLevel === 'info' ? 'warn' : config.logLevel;
  const progress = new DaemonProgress(clock, person && config.flags['log-format'] !== 'json');
  const log = progress.log(await logOf(config, level));
  for (const warning of config.warnings) log.warn({}, warning);
  const notify = takeNotify(process.env, clock, log, config.flags['watchdog-interval']);
  const flags = await withSrvNodes(config.flags, log);
  if (!flags['no-render']) announceSource(flags.backend, sourceSpec(flags), log);
  const ending = new Ending();
  const member = flags.backend === 'embedded' ? memberConfig(config) : undefined;
  let host: MemberHost | undefined;
  let rendering: Rendering | undefined;
  let supervision: Supervision | undefined;
  let renderApi: RenderApi | undefined;
  let metrics: MetricsListener | undefined;
  try {
    if (member !== undefined) progress.starting();
    host =
      member &&
      (await startMemberHost(flags, member, { clock, log, halted: (reason) => ending.halted(reason) }));
    if (!flags['no-render']) {
      const exec =
        config.exec && new Supervision(config.exec, { clock, log, ended: (code) => ending.reach(code) });
      supervision = exec;
      const show = person
        ? terminal({ write: progress.write, color: true, cwd: process.cwd() })
        : () => undefined;
      rendering = new Rendering({
        flags,
        dataFolder: member?.folder,
        feed: host && memberFeed(host.member),
        clock,
        log,
        logLevel: person && level !== 'debug' ? 'silent' : level,
        diffs: person,
        onEvent: (event) => {
          show(event);
          exec?.take(event);
          if (event.type !== 'ready') return;
          progress.rendered();
          void notify.ready(readyStatus(event));
        },
      });
    }
    // The ports are taken before the first file is touched.
    if (host !== undefined) {
      await host.serve(rendering);
      announce(host, config, person ? progress.write : undefined, log);
    } else if (rendering !== undefined) {
      renderApi = await serveRenderState(rendering, config, clock, log);
    }
    progress.serving(host?.member, rendering && sourceSpec(flags));
    metrics = await openMetrics(flags['metrics-addr'], {
      render: rendering,
      registry: host?.registry,
      clock,
      log,
    });
    const reload = rendering;
    notify.watch(() => isWell(reload));
    process.on('SIGHUP', () => {
      reload?.reload().catch((error) => log.error({}, `SIGHUP: ${messageOf(error)}`));
    });
    if (rendering === undefined) void notify.ready('serving clients');
    await rendering?.start();
    return await ending.reached;
  } finally {
    progress.end();
    const told = notify.stopping();
    await end([metrics, rendering, supervision, renderApi, host], log);
    notify.close();
    await told;
  }
}

/** Without a member confd's lines, unless a person looks: who has replaced confd may read them. */
function logOf({ flags }: Config, level: LogLevel): Promise<Log> {
  const person = process.stderr.isTTY === true;
  const format = flags['log-format'] || (flags.backend === 'embedded' || person ? 'json' : 'text');
  return format === 'text' ? daemonTextLog(level) : createLog(level, person && flags['log-format'] === '');
}

/** --metrics-addr, where it is given; its module is loaded only then. */
async function openMetrics(address: string, subjects: MetricsSubjects): Promise<MetricsListener | undefined> {
  if (address === '') return undefined;
  return (await import('./metrics-listener.js')).MetricsListener.open(address, subjects);
}

/** In this order: a reload that runs may still ask the member, and so may the supervised command. */
async function end(parts: readonly ({ close(): Promise<void> } | undefined)[], log: Log): Promise<void> {
  for (const part of parts) {
    await part?.close().catch((error) => log.error({}, `while stopping: ${messageOf(error)}`));
  }
}

/** Without a member: the renderer's state, for `confetctl render status` and health checks, where a URL was given. */
async function serveRenderState(
  rendering: Rendering,
  { flags, listens }: Config,
  clock: Clock,
  log: Log,
): Promise<RenderApi | undefined> {
  if (flags['state-dir'] === '') {
    log.info({}, 'without --state-dir a reload that is due is not remembered across restarts');
  }
  if (!listens) return undefined;
  const api = new RenderApi({ render: rendering, clock, log });
  const instead = commandWithOtherPorts(process.argv.slice(2), flags);
  for (const url of flags['listen-client-urls']) await api.listen(url, instead);
  return api;
}

function announce(
  { member }: MemberHost,
  { flags }: Config,
  write: ((text: string) => void) | undefined,
  log: Log,
): void {
  const clients = flags['listen-client-urls'].join(', ');
  const { name, memberId, clusterId } = member.identity;
  const fields = {
    name,
    member: formatId(memberId),
    cluster: formatId(clusterId),
    clients,
    peers: flags['listen-peer-urls'].join(', '),
    data: resolve(flags['data-dir'] || `${flags.name}.etcd`),
  };
  log.info(fields, 'serving clients');
  write?.(`member ${name} (${fields.member}) serves ${clients}, data in ${fields.data}\n`);
}

/**
 * What ends the daemon: the first SIGTERM or SIGINT in good order, a second one at once, a member that halts, or a
 * supervised command that has ended.
 */
class Ending {
  readonly reached: Promise<number>;
  #reach: (code: number) => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    let signals = 0;
    const onSignal = () => {
      signals++;
      if (signals > 1) process.exit(1);
      this.#reach(0);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  halted(_reason: ConfetdError): void {
    this.#reach(1);
  }

  /** With this exit code. The first reason counts. */
  reach(exitCode: number): void {
    this.#reach(exitCode);
  }
}
