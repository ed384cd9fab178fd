import type { Client } from '../../client/client.js';
import type { WatchEnd, Watching } from '../../client/watch.js';
import { type Event, Event_EventType } from '../../proto/generated/etcd_kv.js';
import type { WatchResponse } from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { type FlagValues, parseFlags } from '../flags.js';
import type { Printer } from '../output/format.js';
import { goQuote } from '../output/go-text.js';
import { settle } from '../settings.js';
import { type Selection, selection, utf8 } from './arguments.js';
import { badArguments, command, type Invocation } from './command.js';
import { linesOf } from './lines.js';
import type { ChildEnd, Ports } from './ports.js';
import { wordsOf } from './words.js';

const WATCH_FLAGS = {
  prefix: { kind: 'boolean', default: false, usage: 'all keys that begin with <key>' },
  rev: { kind: 'integer', default: 0, usage: 'from a revision on; 0: from now' },
  'prev-kv': { kind: 'boolean', default: false, usage: 'print the pair that was there before, too' },
} as const;

interface Wanted extends Selection {
  readonly revision: number;
  readonly prevKv: boolean;
  /** What runs for each event; empty: nothing. */
  readonly exec: readonly string[];
}

export const watch = command({
  name: 'watch',
  synopsis: '[flags] <key> [range_end] [-- cmd args…]',
  description:
    'A command after -- runs for each event, with ETCD_WATCH_REVISION, ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY and\n' +
    'ETCD_WATCH_VALUE (quoted) in its environment. With -i, lines of "watch …" or "progress" are read from standard input.',
  flags: {
    ...WATCH_FLAGS,
    interactive: { kind: 'boolean', short: 'i', default: false, usage: 'read watches from standard input' },
  },
  async run(invocation, flags) {
    const printer = await invocation.printer();
    if (flags.interactive) {
      await interactive(invocation, printer);
      return;
    }
    const { args, argsBeforeDashes, ports } = invocation;
    const { env } = ports;
    const fromEnv = (name: string): string =>
      env[`CONFETCTL_WATCH_${name}`] ?? env[`ETCDCTL_WATCH_${name}`] ?? '';
    const keys = args.slice(0, argsBeforeDashes);
    const variables = [fromEnv('KEY'), fromEnv('RANGE_END')].filter((text) => text !== '');
    const exec = args.slice(keys.length);
    if (argsBeforeDashes !== undefined && exec.length === 0) {
      throw badArguments('bad number of arguments (found separator --, but no commands)');
    }
    const wanted = wantedOf(keys.length > 0 ? keys.map(utf8) : variables.map(utf8), exec, flags);
    const end = await follow(await invocation.client(), wanted, printer, ports).ended;
    await tellEnd(end, printer, ports);
    throw new ExitError(EXIT.interrupted, 'watch is canceled by the server');
  },
});

function wantedOf(
  keys: readonly Buffer[],
  exec: readonly string[],
  flags: FlagValues<typeof WATCH_FLAGS>,
): Wanted {
  const [key, end] = keys;
  if (key === undefined || keys.length > 2) throw badArguments('bad number of arguments');
  if (end !== undefined && flags.prefix)
    throw badArguments('`range_end` and `--prefix` are mutually exclusive');
  return { ...selection(key, end, flags.prefix, false), revision: flags.rev, prevKv: flags['prev-kv'], exec };
}

interface Followed extends Watching {
  readonly ended: Promise<WatchEnd>;
}

/** Prints what a watch tells, in order, and runs its command. Rejects where printing or the command fails. */
function follow(client: Client, wanted: Wanted, printer: Printer, ports: Ports): Followed {
  let queue: Promise<void> = Promise.resolve();
  let close = (): void => {};
  let requestProgress = (): void => {};
  const ended = new Promise<WatchEnd>((resolve, reject) => {
    const next = (task: () => Promise<void>): Promise<void> => {
      queue = queue.then(task);
      queue.catch(reject);
      return queue;
    };
    const watching = client.watch(
      { key: wanted.key, rangeEnd: wanted.rangeEnd, startRevision: wanted.revision, prevKv: wanted.prevKv },
      {
        events: (response) => next(() => show(response, wanted.exec, printer, ports)),
        progress: (response) =>
          void next(() => ports.stdout(`progress notify: ${response.header?.revision ?? 0}\n`)),
        lost: (reason) => void next(() => ports.stderr(`watch interrupted, trying again: ${reason}\n`)),
        ended: (end) => void next(async () => resolve(end)),
      },
    );
    close = () => watching.close();
    requestProgress = () => watching.requestProgress();
  });
  // Whoever awaits it sees the failure; an interactive watch may fail while another line is read.
  ended.catch(() => {});
  return { ended, close: () => close(), requestProgress: () => requestProgress() };
}

async function show(
  response: WatchResponse,
  exec: readonly string[],
  printer: Printer,
  ports: Ports,
): Promise<void> {
  await ports.stdout(printer.watch(response));
  if (exec.length === 0) return;
  for (const event of response.events) {
    const end = await ports.execute(exec, environmentOf(event, response.header?.revision ?? 0));
    if ('exitCode' in end && end.exitCode === 0) continue;
    await ports.stderr(
      `command [${exec.map((word) => goQuote(word)).join(' ')}] error (${failureOf(end)})\n`,
    );
    throw new ExitError(EXIT.error, '');
  }
}

/** As etcdctl does, texts are quoted: who wants them raw takes exec-watch. */
function environmentOf({ type, kv }: Event, revision: number): Record<string, string> {
  return {
    ETCD_WATCH_REVISION: String(revision),
    ETCD_WATCH_EVENT_TYPE: type === Event_EventType.DELETE ? '"DELETE"' : '"PUT"',
    ETCD_WATCH_KEY: goQuote(kv?.key ?? ''),
    ETCD_WATCH_VALUE: goQuote(kv?.value ?? ''),
  };
}

export function failureOf(end: ChildEnd): string {
  if ('failure' in end) return end.failure;
  return 'signal' in end ? `signal: ${end.signal}` : `exit status ${end.exitCode}`;
}

async function tellEnd(end: WatchEnd, printer: Printer, ports: Ports): Promise<void> {
  if (end.kind !== 'replaced') await ports.stdout(printer.watch(end.response));
  await ports.stderr(`watch was canceled (${end.reason})\n`);
}

/** Lines of `watch …` and `progress`, until standard input ends. */
async function interactive(invocation: Invocation, printer: Printer): Promise<void> {
  const { ports } = invocation;
  const client = await invocation.client();
  const followed: Followed[] = [];
  const failed = new AbortController();
  for await (const line of linesOf(ports.stdin)) {
    if (failed.signal.aborted) break;
    const [verb, ...words] = wordsOf(line).map((word) => word.toString('latin1'));
    if (verb === 'progress' && words.length === 0) {
      for (const each of followed) each.requestProgress();
    } else if (verb === undefined) {
      await ports.stderr(`Invalid command: ${line} (watch and progress supported)\n`);
    } else if (verb !== 'watch') {
      await ports.stderr(`Invalid command ${line} (only support watch)\n`);
    } else if (words.length === 0) {
      await ports.stderr(`Invalid command ${line} (command type or key is not provided)\n`);
    } else {
      const given = parseFlags(WATCH_FLAGS, words, { interspersed: true });
      const bytes = given.rest.map((word) => Buffer.from(word, 'latin1'));
      const keys = bytes.slice(0, given.restBeforeDashes);
      const exec = bytes.slice(keys.length).map((word) => word.toString('utf8'));
      const each = follow(client, wantedOf(keys, exec, settle(WATCH_FLAGS, given).values), printer, ports);
      followed.push(each);
      each.ended.then(
        (end) => tellEnd(end, printer, ports),
        () => failed.abort(),
      );
    }
  }
  for (const each of followed) each.close();
  throw new ExitError(EXIT.invalidInput, 'Error reading watch request line: EOF');
}
