import { ReadRounds } from '../../../src/raft/readonly.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

const SAME = Buffer.from('read');

/** All read rounds of a leader have one context, so the answer to one passes for the answer to the next. */
export const reuseReadContext: Planted = {
  name: 'reuse a read context',
  profile: 'stale',
  seeds: 150,
  plant: () => {
    const own = Object.getOwnPropertyDescriptor(ReadRounds.prototype, 'context');
    const contextOf = (rounds: ReadRounds) => own?.get?.call(rounds) as Buffer;
    Object.defineProperty(ReadRounds.prototype, 'context', {
      configurable: true,
      get: function (this: ReadRounds) {
        return contextOf(this).length === 0 ? contextOf(this) : SAME;
      },
    });
    const undo = wrap(
      ReadRounds.prototype,
      'acknowledge',
      (acknowledge) =>
        function (this: ReadRounds, from, context, voters) {
          return acknowledge.call(this, from, context.equals(SAME) ? contextOf(this) : context, voters);
        },
    );
    return () => {
      undo();
      if (own !== undefined) Object.defineProperty(ReadRounds.prototype, 'context', own);
    };
  },
};
