import type { Action, Answer, Value } from './types.js';

/** The answer doesn't fit what the key held. Not a {@link Value}. */
export const IMPOSSIBLE = Symbol('impossible');

/**
 * The sequential specification: what a key holds after an action that found `held` and was answered so; without an
 * answer whatever it would have been told is right.
 */
export function step(held: Value, action: Action, answer: Answer | undefined): Value | typeof IMPOSSIBLE {
  switch (action.kind) {
    case 'put':
      return action.value;
    case 'get':
      return answer?.kind === 'found' && answer.value !== held ? IMPOSSIBLE : held;
    case 'delete':
      return fits(answer, held !== null) ? null : IMPOSSIBLE;
    case 'compareAndSwap': {
      const swapped = held === action.expected;
      if (!fits(answer, swapped)) return IMPOSSIBLE;
      return swapped ? action.value : held;
    }
  }
}

function fits(answer: Answer | undefined, changed: boolean): boolean {
  return answer?.kind !== 'changed' || answer.changed === changed;
}
