import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inflights } from '../../../src/raft/inflights.js';

describe('Inflights', () => {
  it('is full at its count, and at its bytes once something is under way', () => {
    const byCount = new Inflights(2, 1000);
    byCount.add(1, 1);
    expect(byCount.full).toBe(false);
    byCount.add(2, 1);
    expect(byCount.full).toBe(true);
    expect(() => byCount.add(3, 1)).toThrow('past the bound');

    const byBytes = new Inflights(10, 100);
    byBytes.add(1, 5000);
    expect(byBytes.full).toBe(true);
    byBytes.freeUpTo(1);
    expect([byBytes.full, byBytes.count, byBytes.bytes]).toEqual([false, 0, 0]);
  });

  it('holds in any order of sends and acknowledgements what a plain list would', () => {
    const action = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 3 }), bytes: fc.nat(50) }),
      fc.record({ free: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(action, { maxLength: 60 }), (max, actions) => {
        const inflights = new Inflights(max, 120);
        let model: { index: number; bytes: number }[] = [];
        let last = 0;
        for (const action of actions) {
          if ('free' in action) {
            inflights.freeUpTo(action.free);
            model = model.filter(({ index }) => index > action.free);
          } else if (!inflights.full) {
            last += action.send;
            inflights.add(last, action.bytes);
            model.push({ index: last, bytes: action.bytes });
          }
          const bytes = model.reduce((sum, one) => sum + one.bytes, 0);
          expect([inflights.count, inflights.bytes]).toEqual([model.length, bytes]);
          expect(inflights.full).toBe(model.length === max || (model.length > 0 && bytes >= 120));
        }
      }),
    );
  });

  it('must allow one message', () => {
    expect(() => new Inflights(0, 1)).toThrow('at least one');
  });
});
