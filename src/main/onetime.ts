import { resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import { formatProblem, load } from '../confdir/load.js';
import type { Generation, Resource } from '../confdir/types.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { NodeRandom } from '../io/node/random.js';
import { usesColor } from '../render/diff-colors.js';
import type { OnceFile, OnceOptions, OnceResult } from '../render/onetime.js';
import { openSource } from '../render/open-source.js';
import { outermost } from '../source/subtree.js';
import type { Source } from '../source/types.js';
import { announceSource } from './announce-source.js';
import { type Config, confdirOptions } from './config.js';
import { OnetimeProgress } from './onetime-progress.js';
import { onetimeSourceSpec } from './source-spec.js';
import { withSrvNodes } from './srv.js';
import { plainLog } from './text-log.js';

/**
 * Renders everything once. Answers the exit code: 1 if any resource, or any file of conf.d, failed; all are tried.
 * Without --backend the member on 127.0.0.1:2379 is asked: this opens no data folder.
 */
export async function onetime(config: Config): Promise<number> {
  const clock = new NodeClock();
  const progress = new OnetimeProgress(clock, config.flags['log-format']);
  const log = progress.log(plainLog(config));
  for (const warning of config.warnings) log.warn({}, warning);
  const embedded = (): never => {
    throw new ConfetdError('internal', 'a one-shot has no member of its own');
  };
  const flags = await withSrvNodes(config.flags, log);
  const spec = onetimeSourceSpec(flags);
  announceSource(flags.backend, spec, log);
  const [source, generation] = await Promise.all([
    openSource(spec, { clock, random: new NodeRandom(), env: process.env, embedded }),
    load(flags.confdir, confdirOptions(flags)),
  ]);
  const broken = report(generation, flags.strict, log);
  if (generation.resources.length === 0) return broken ? 1 : 0;
  const out = process.stdout;
  const color = usesColor(flags.color, out.isTTY === true, process.env);
  const abort = new AbortController();
  const timer = clock.schedule(flags.timeout, () => {
    abort.abort(new ConfetdError('source', `no answer within --timeout (${flags.timeout} ms)`));
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  try {
    progress.loading(spec);
    const early = asked(source, generation, abort.signal);
    const { colored, pc, plain, renderOnce, renderPorts, terminal } = await import('./onetime-rendering.js');
    const ports = renderPorts(clock, log);
    const options: OnceOptions = {
      templates: resolve(flags.confdir, 'templates'),
      stateFolder: flags['state-dir'] === '' ? undefined : resolve(flags['state-dir']),
      pass: {
        noop: flags.noop,
        strict: flags.strict,
        diffs: out.isTTY === true,
        diffContext: flags['diff-context'],
        syncOnly: flags['sync-only'],
        keepStage: flags['keep-stage-file'],
      },
      onEvent: terminal({ write: (text) => progress.out(text), color, cwd: process.cwd() }),
      onActivity: progress.take,
      signal: abort.signal,
    };
    const result =
      flags['failure-mode'] === 'fail-fast'
        ? await oneByOne(generation.resources, (resource) => renderOnce([resource], early, ports, options))
        : await renderOnce(generation.resources, early, ports, options);
    progress.end();
    if (flags.noop) {
      for (const { dest, status, diff } of result.files) {
        if (diff !== undefined)
          out.write(color ? colored(diff, pc.createColors(true)) : out.isTTY ? plain(diff) : diff);
        else if (status === 'in sync') log.info({ dest }, `Target config ${dest} in sync`);
      }
    }
    return result.ok && !broken ? 0 : 1;
  } finally {
    timer.cancel();
    progress.end();
    await source.close();
  }
}

/** The source, asked for the resources' keys already: they are on their way while rendering's modules are loaded. */
function asked(source: Source, { resources }: Generation, signal: AbortSignal): Pick<Source, 'load'> {
  const snapshot = source.load(outermost(resources.flatMap(({ subtrees }) => subtrees)), signal);
  // Told to whoever loads; until then a failure isn't unhandled.
  snapshot.catch(() => undefined);
  return { load: () => snapshot };
}

/** Says what is wrong with conf.d. True: an error, or under --strict a warning. */
function report({ problems }: Generation, strict: boolean, log: Log): boolean {
  for (const problem of problems) {
    if (problem.severity === 'error') log.error({}, formatProblem(problem));
    else log.warn({}, formatProblem(problem));
  }
  return problems.some(({ severity }) => strict || severity === 'error');
}

/** `--failure-mode fail-fast`: none after the first one that fails. */
async function oneByOne(
  resources: Generation['resources'],
  render: (resource: Resource) => Promise<OnceResult>,
): Promise<Pick<OnceResult, 'ok' | 'files'>> {
  const files: OnceFile[] = [];
  for (const resource of resources) {
    const result = await render(resource);
    files.push(...result.files);
    if (!result.ok) return { ok: false, files };
  }
  return { ok: true, files };
}
