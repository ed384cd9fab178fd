import type { Action, Answer, Operation, Value } from './types.js';

/** One line an operation, in the order of their calls; only the last `maxLines` of them. `marked` gets an arrow. */
export function explain(
  operations: readonly Operation[],
  marked: Operation | undefined,
  maxLines: number,
): string {
  const ordered = [...operations].sort((a, b) => a.called - b.called);
  const shown = ordered.slice(-maxLines);
  const lines = shown.map((operation) => `${operation === marked ? '→' : ' '} ${describe(operation)}`);
  const hidden = ordered.length - shown.length;
  if (hidden > 0) lines.unshift(`  (${hidden} operations before these)`);
  return lines.join('\n');
}

/** `client 12.5–14.2 put "x": done` */
export function describe({ client, action, called, returned, answer }: Operation): string {
  const until = answer === undefined ? '?' : time(returned);
  return `${client} ${time(called)}–${until} ${request(action)}: ${answer === undefined ? 'unknown' : told(answer)}`;
}

function request(action: Action): string {
  switch (action.kind) {
    case 'put':
      return `put ${quoted(action.value)}`;
    case 'compareAndSwap':
      return `swap ${quoted(action.expected)} for ${quoted(action.value)}`;
    case 'get':
    case 'delete':
      return action.kind;
  }
}

function told(answer: Answer): string {
  switch (answer.kind) {
    case 'done':
      return 'done';
    case 'found':
      return quoted(answer.value);
    case 'changed':
      return answer.changed ? 'changed' : 'unchanged';
  }
}

function quoted(value: Value): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}

function time(at: number): string {
  return String(Math.round(at * 1000) / 1000);
}
