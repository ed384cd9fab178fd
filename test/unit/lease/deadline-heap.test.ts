import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DeadlineHeap } from '../../../src/lease/deadline-heap.js';

it('gives out what was put in, earliest first', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.constant('pop' as const)), { maxLength: 80 }), (steps) => {
      const heap = new DeadlineHeap<number>();
      const plain: number[] = [];
      for (const step of steps) {
        if (step === 'pop') {
          plain.sort((a, b) => a - b);
          expect(heap.earliestMs).toBe(plain[0] ?? Number.POSITIVE_INFINITY);
          expect(heap.pop()).toBe(plain.shift());
        } else {
          heap.push(step, step);
          plain.push(step);
        }
        expect(heap.size).toBe(plain.length);
      }
    }),
    { numRuns: 500 },
  );
});
