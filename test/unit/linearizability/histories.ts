import fc from 'fast-check';
import { IMPOSSIBLE, step } from '../../linearizability/register.js';
import type { Action, Answer, Operation, Value } from '../../linearizability/types.js';

export const KEY = 'k';

/** A call of a register that takes effect at `called + before`, if `effect`, and is answered `after` that, if `answered`. */
interface Plan {
  readonly action: Action;
  readonly called: number;
  readonly before: number;
  readonly after: number;
  readonly answered: boolean;
  readonly effect: boolean;
}

const value = fc.constantFrom('a', 'b', 'c');

export const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), value }),
  fc.record({ kind: fc.constant('get' as const) }),
  fc.record({ kind: fc.constant('delete' as const) }),
  fc.record({
    kind: fc.constant('compareAndSwap' as const),
    expected: fc.option(value, { nil: null }),
    value,
  }),
);

/** What a real register did: calls overlap at random, some without an answer, of those some without effect. */
export function registerHistory(maxLength: number): fc.Arbitrary<Operation[]> {
  const plan: fc.Arbitrary<Plan> = fc.record({
    action,
    called: fc.nat(maxLength * 3),
    before: fc.nat(12),
    after: fc.nat(12),
    answered: fc.integer({ min: 0, max: 9 }).map((ten) => ten > 0),
    effect: fc.boolean(),
  });
  return fc.array(plan, { maxLength }).map(run);
}

function run(plans: readonly Plan[]): Operation[] {
  let held: Value = null;
  const point = ({ called, before }: Plan): number => called + before;
  return [...plans]
    .sort((a, b) => point(a) - point(b))
    .map((plan, index) => {
      const { action, called, after, answered, effect } = plan;
      const before = held;
      const answer = answerOf(before, action);
      if (answered || effect) {
        const next = step(before, action, answer);
        if (next === IMPOSSIBLE) throw new Error('a register answers what is possible');
        held = next;
      }
      const rest = answered
        ? { returned: point(plan) + after, answer }
        : { returned: Number.POSITIVE_INFINITY, answer: undefined };
      return { client: `c${index}`, key: KEY, action, called, ...rest };
    });
}

export function answerOf(held: Value, action: Action): Answer {
  switch (action.kind) {
    case 'put':
      return { kind: 'done' };
    case 'get':
      return { kind: 'found', value: held };
    case 'delete':
      return { kind: 'changed', changed: held !== null };
    case 'compareAndSwap':
      return { kind: 'changed', changed: held === action.expected };
  }
}

/** Answers at random: most such histories are wrong. */
export function anyHistory(maxLength: number): fc.Arbitrary<Operation[]> {
  const operation = fc
    .record({
      action,
      called: fc.nat(12),
      took: fc.nat(8),
      found: fc.option(value, { nil: null }),
      changed: fc.boolean(),
      told: fc.boolean(),
      answered: fc.integer({ min: 0, max: 3 }).map((four) => four > 0),
    })
    .map(({ action, called, took, found, changed, told, answered }): Operation => {
      const answers: Record<Action['kind'], Answer> = {
        put: { kind: 'done' },
        get: { kind: 'found', value: found },
        delete: told ? { kind: 'changed', changed } : { kind: 'done' },
        compareAndSwap: { kind: 'changed', changed },
      };
      const rest = answered
        ? { returned: called + took, answer: answers[action.kind] }
        : { returned: Number.POSITIVE_INFINITY, answer: undefined };
      return { client: 'c', key: KEY, action, called, ...rest };
    });
  return fc.array(operation, { maxLength });
}

/** Every order of every choice of the unknown: what linearizable means, and nothing clever. */
export function bruteForce(operations: readonly Operation[], held: Value = null): boolean {
  if (operations.every(({ answer }) => answer === undefined)) return true;
  return operations.some((operation) => {
    const others = operations.filter((other) => other !== operation);
    if (others.some((other) => other.answer !== undefined && other.returned < operation.called)) return false;
    const next = step(held, operation.action, operation.answer);
    return next !== IMPOSSIBLE && bruteForce(others, next);
  });
}

/** One after the other, after all of `history`. */
export function followedBy(
  history: readonly Operation[],
  ...calls: readonly [Action, Answer][]
): Operation[] {
  let time = Math.max(
    0,
    ...history.filter(({ answer }) => answer !== undefined).map(({ returned }) => returned),
  );
  time = Math.max(time, ...history.map(({ called }) => called));
  const more = calls.map(([action, answer], index): Operation => {
    time += 2;
    return { client: `after${index}`, key: KEY, action, called: time - 1, returned: time - 0.5, answer };
  });
  return [...history, ...more];
}
