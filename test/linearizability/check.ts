import { explain } from './explain.js';
import { type SearchResult, searchOrder } from './search.js';
import type { Action, Answer, CheckOptions, Operation, Value, Verdict } from './types.js';

const MAX_STEPS = 1_000_000;
const MAX_LINES = 60;

const ANSWERS: Readonly<Record<Action['kind'], readonly Answer['kind'][]>> = {
  put: ['done'],
  get: ['found'],
  delete: ['done', 'changed'],
  compareAndSwap: ['changed'],
};

/**
 * Whether a history is linearizable (Herlihy and Wing, 1990), each key a register. Keys are checked one by one: a history
 * is linearizable if each key's is (their section 3.1: locality). The same history always has the same verdict.
 */
export function checkLinearizable(operations: Iterable<Operation>, options: CheckOptions = {}): Verdict {
  const { initial = new Map<string, string>(), maxSteps = MAX_STEPS, maxLines = MAX_LINES } = options;
  let steps = 0;
  let undecided: Verdict | undefined;
  for (const [key, mine] of byKey(operations)) {
    const from = initial.get(key) ?? null;
    const result = searchOrder(mine, from, maxSteps);
    steps += result.steps;
    if (result.linearizable === undefined) {
      const explanation = `key ${JSON.stringify(key)}: undecided after ${result.steps} steps (${mine.length} operations)`;
      undecided ??= { verdict: 'undecided', steps, key, explanation };
    } else if (!result.linearizable) {
      const { prefix, culprit } = shortestPrefix(mine, from, maxSteps);
      const title = `key ${JSON.stringify(key)}: no order explains the answer marked by an arrow`;
      const explanation = `${title}\n${explain(prefix, culprit, maxLines)}`;
      return { verdict: 'not linearizable', steps, key, prefix, explanation };
    }
  }
  return undecided ?? { verdict: 'linearizable', steps };
}

function byKey(operations: Iterable<Operation>): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of operations) {
    const { action, answer, called, returned, client } = operation;
    if (answer !== undefined && returned < called) {
      throw new RangeError(`an operation of ${client} returned before it was called`);
    }
    if (answer !== undefined && !ANSWERS[action.kind].includes(answer.kind)) {
      throw new RangeError(`${client}: ${answer.kind} is no answer to a ${action.kind}`);
    }
    const mine = keys.get(operation.key);
    if (mine === undefined) keys.set(operation.key, [operation]);
    else mine.push(operation);
  }
  return keys;
}

/** By halving: a history whose beginning can't be linearized can't be either. */
function shortestPrefix(
  operations: readonly Operation[],
  initial: Value,
  maxSteps: number,
): { prefix: readonly Operation[]; culprit: Operation | undefined } {
  const byReturn = operations
    .filter(({ answer }) => answer !== undefined)
    .sort((a, b) => a.returned - b.returned);
  const check = (answers: number): SearchResult =>
    searchOrder(upTo(operations, byReturn, answers), initial, maxSteps);
  let good = 0;
  let bad = byReturn.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (check(middle).linearizable === false) bad = middle;
    else good = middle;
  }
  return { prefix: upTo(operations, byReturn, bad), culprit: byReturn[bad - 1] };
}

/** The history at the moment of the so-manieth answer: whoever has none yet has none. */
function upTo(
  operations: readonly Operation[],
  byReturn: readonly Operation[],
  answers: number,
): Operation[] {
  const moment = byReturn[answers - 1]?.returned ?? Number.NEGATIVE_INFINITY;
  const answered = new Set(byReturn.slice(0, answers));
  return operations
    .filter((operation) => answered.has(operation) || operation.called <= moment)
    .map((operation) =>
      answered.has(operation)
        ? operation
        : { ...operation, returned: Number.POSITIVE_INFINITY, answer: undefined },
    );
}
