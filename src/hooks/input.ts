import type { HookEvent, HookInput } from './types.js';

/** Bytes of one variable; Linux takes 128 KiB with its name, and Node refuses a NUL. */
const MAX_VARIABLE_BYTES = 64 * 1024;

/**
 * The environment of a run: the last event as raw text, by etcdctl's names and our own. A key or a value that no
 * variable can hold is left out; standard input has it.
 */
export function environmentOf(input: HookInput): Record<string, string> {
  const last = input.events.at(-1);
  const env: Record<string, string> = {
    CONFETD_REVISION: String(input.revision),
    CONFETD_COUNT: String(input.count),
    CONFETD_DROPPED: String(input.dropped),
  };
  if (last === undefined) return env;
  env.ETCD_WATCH_ACTION = actionOf(last);
  env.ETCD_WATCH_EVENT_TYPE = last.type === 'put' ? 'PUT' : 'DELETE';
  env.ETCD_WATCH_MODIFIED_INDEX = String(last.modRevision);
  env.ETCD_WATCH_REVISION = String(last.modRevision);
  if (fits(last.key)) env.ETCD_WATCH_KEY = env.CONFETD_KEY = last.key;
  if (fits(last.value)) env.ETCD_WATCH_VALUE = last.value;
  return env;
}

/** The batch as JSON lines, one event each, for standard input. */
export function linesOf(input: HookInput): string {
  return input.events
    .map((event) => {
      const { type, key, value, modRevision, createRevision } = event;
      return `${JSON.stringify({
        type,
        action: actionOf(event),
        key,
        ...(type === 'put' ? { value } : {}),
        modRevision,
        ...(createRevision === undefined ? {} : { createRevision }),
      })}\n`;
    })
    .join('');
}

function actionOf(event: HookEvent): string {
  return event.action ?? (event.type === 'put' ? 'set' : 'delete');
}

function fits(text: string): boolean {
  return !text.includes('\0') && Buffer.byteLength(text) <= MAX_VARIABLE_BYTES;
}
