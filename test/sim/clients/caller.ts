import { ConfetdError, messageOf } from '../../../src/base/errors.js';
import type { Prng } from '../../../src/base/prng.js';
import type { Member } from '../../../src/member/member.js';
import type { Machine } from '../machine.js';
import type { World } from '../world.js';

const MAX_DELAY_MS = 3;

export type Reply<T> =
  | { readonly kind: 'answer'; readonly response: T }
  | { readonly kind: 'error'; readonly error: ConfetdError }
  /** Nobody serves there: it has no effect. */
  | { readonly kind: 'nobody' }
  /** Whether it happens isn't known. */
  | { readonly kind: 'lost' };

/** A client's connections to members: each call takes a while there and back, and may be given up on the way. */
export class Caller {
  readonly #world: World;
  readonly #prng: Prng;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  /**
   * Calls a member. Resolves at the latest after `timeoutMs`; `late` hears of an answer that comes after it.
   */
  call<T>(
    machine: Machine,
    timeoutMs: number,
    run: (member: Member) => Promise<T>,
    late?: (reply: Reply<T>) => void,
  ): Promise<Reply<T>> {
    return new Promise((resolve) => {
      let open = true;
      const end = (reply: Reply<T>) => {
        if (open) resolve(reply);
        else late?.(reply);
        open = false;
      };
      const { clock } = this.#world;
      const back = (reply: Reply<T>) => clock.schedule(this.#delayMs(), () => end(reply));
      clock.schedule(timeoutMs, () => {
        if (open) end({ kind: 'lost' });
      });
      clock.schedule(this.#delayMs(), () => {
        const { process, member } = machine;
        if (process === undefined || member === undefined) {
          back({ kind: 'nobody' });
          return;
        }
        process.enter(() => {
          run(member).then(
            (response) => back({ kind: 'answer', response }),
            (error) => back({ kind: 'error', error: toError(error) }),
          );
        });
      });
    });
  }

  #delayMs(): number {
    return 0.1 + this.#prng.float() * MAX_DELAY_MS;
  }
}

function toError(error: unknown): ConfetdError {
  return error instanceof ConfetdError ? error : new ConfetdError('internal', messageOf(error));
}
