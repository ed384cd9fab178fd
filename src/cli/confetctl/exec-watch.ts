import type { WatchEnd } from '../../client/watch.js';
import { commandRunner } from '../../command/run.js';
import { HookRunner } from '../../hooks/runner.js';
import type { HookBatch, HookEvent } from '../../hooks/types.js';
import { silentLog } from '../../io/log.js';
import { Event_EventType } from '../../proto/generated/etcd_kv.js';
import type { WatchResponse } from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { selection, utf8 } from './arguments.js';
import { badArguments, command } from './command.js';

/** The longest delay a timer takes, about 25 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const execWatch = command({
  name: 'exec-watch',
  synopsis: '[flags] <key> -- cmd args…',
  description:
    'Changes that come while the command runs go to its next run, together; none is lost. They are JSON lines on its\n' +
    'standard input; its environment holds the last one, unquoted: ETCD_WATCH_ACTION, ETCD_WATCH_KEY, ETCD_WATCH_VALUE,\n' +
    'ETCD_WATCH_MODIFIED_INDEX, ETCD_WATCH_REVISION.',
  flags: {
    prefix: { kind: 'boolean', default: false, usage: 'all keys that begin with <key>' },
    recursive: { kind: 'boolean', default: false, usage: 'the key and all keys under <key>/' },
    rev: { kind: 'integer', default: 0, usage: 'from a revision on; 0: from now' },
    timeout: { kind: 'duration', bareUnit: 's', default: 0, usage: 'bound of one run; 0: none' },
  },
  async run(invocation, flags) {
    const { args, argsBeforeDashes = 1, ports } = invocation;
    const [key, ...others] = args.slice(0, argsBeforeDashes);
    const exec = args.slice(argsBeforeDashes);
    if (key === undefined || others.length > 0 || exec.length === 0) {
      throw badArguments('exec-watch needs one key and a command: exec-watch [--prefix] KEY -- cmd args…');
    }
    const { clock } = ports;
    const interrupted = ports.interruption();
    const client = await invocation.client();
    const output = sequence();
    const runner = new HookRunner({
      name: 'exec-watch',
      command: exec,
      timeoutMs: flags.timeout > 0 ? Math.min(flags.timeout, MAX_TIMER_MS) : MAX_TIMER_MS,
      run: commandRunner(clock),
      clock,
      log: { ...silentLog, warn: (_fields, message) => void output(() => ports.stderr(`${message}\n`)) },
      retry: 'never',
      onOutput: (chunk) => void output(() => ports.stdout(chunk)),
      onResult: ({ ok, outcome }, { revision }) => {
        if (!ok && !interrupted.aborted) {
          void output(() => ports.stderr(`${exec[0]} failed for revision ${revision}: ${outcome}\n`));
        }
      },
    });
    const { key: from, rangeEnd } = selection(utf8(key), undefined, flags.prefix || flags.recursive, false);
    // etcdctl's API 2 says --recursive, of a folder: `/foo` doesn't mean `/foobar` there.
    const belongs = (text: string): boolean =>
      !flags.recursive || text === key || text.startsWith(folderOf(key));
    const end = await new Promise<WatchEnd | undefined>((resolve) => {
      const watching = client.watch(
        { key: from, rangeEnd, startRevision: flags.rev },
        {
          events: (response) => {
            runner.push(batchOf(response, belongs));
          },
          lost: (reason) => void output(() => ports.stderr(`watch interrupted, trying again: ${reason}\n`)),
          ended: resolve,
        },
      );
      const stop = (): void => {
        watching.close();
        resolve(undefined);
      };
      interrupted.addEventListener('abort', stop, { once: true });
      if (interrupted.aborted) stop();
    });
    // Interrupted, the run under way ends with us; otherwise what is known already is still told.
    if (end === undefined) await runner.close();
    else await runner.idle();
    await output(() => Promise.resolve());
    if (end !== undefined)
      throw new ExitError(EXIT.interrupted, `watch is canceled by the server (${end.reason})`);
  },
});

function folderOf(key: string): string {
  return key.endsWith('/') ? key : `${key}/`;
}

function batchOf(response: WatchResponse, belongs: (key: string) => boolean): HookBatch {
  const events = response.events.flatMap(({ type, kv }): HookEvent[] => {
    if (kv === undefined || !belongs(kv.key.toString('utf8'))) return [];
    const { modRevision, createRevision } = kv;
    const key = kv.key.toString('utf8');
    if (type === Event_EventType.DELETE) return [{ type: 'delete', key, value: '', modRevision }];
    return [{ type: 'put', key, value: kv.value.toString('utf8'), modRevision, createRevision }];
  });
  const revision = Math.max(0, ...response.events.map(({ kv }) => kv?.modRevision ?? 0));
  return { revision, events };
}

/** Runs tasks one after the other; resolves with the last one. */
function sequence(): (task: () => Promise<void>) => Promise<void> {
  let queue: Promise<void> = Promise.resolve();
  return (task) => {
    queue = queue.then(task, task);
    return queue;
  };
}
