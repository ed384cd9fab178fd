import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasQuorum, majority, quorumIndex, voteResult } from '../../../src/raft/quorum.js';

const ids = fc.uniqueArray(fc.bigInt(1n, 12n), { maxLength: 9 });

describe('quorum', () => {
  it('the quorum index is the highest that a majority has reached', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (matches) => {
        const reached = (index: number) =>
          matches.filter((match) => match >= index).length * 2 > matches.length;
        const index = quorumIndex(matches);
        expect(reached(index)).toBe(true);
        expect(reached(index + 1)).toBe(false);
      }),
    );
  });

  it('without voters nothing is reached, won or confirmed', () => {
    expect(quorumIndex([])).toBe(0);
    expect(voteResult(new Set(), new Map())).toBe('lost');
    expect(hasQuorum(new Set(), new Set([1n]))).toBe(false);
  });

  it('leaves the array that it is given as it was', () => {
    const matches = [1, 5, 3];
    expect(quorumIndex(matches)).toBe(3);
    expect(matches).toEqual([1, 5, 3]);
  });

  it('any two majorities overlap, also of configurations that differ in one voter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (voters) => {
        expect(2 * majority(voters)).toBeGreaterThan(voters);
        expect(majority(voters) + majority(voters + 1)).toBeGreaterThan(voters + 1);
        expect(2 * (majority(voters) - 1)).toBeLessThanOrEqual(voters);
      }),
    );
  });

  it('an election is won or lost exactly when the votes to come can not change it; strangers do not count', () => {
    fc.assert(
      fc.property(ids, fc.array(fc.tuple(fc.bigInt(1n, 12n), fc.boolean())), (voters, cast) => {
        const votes = new Map(cast);
        const granted = voters.filter((id) => votes.get(id) === true).length;
        const open = voters.filter((id) => !votes.has(id)).length;
        const wins = (count: number) => count * 2 > voters.length;
        const expected = wins(granted) ? 'won' : wins(granted + open) ? 'pending' : 'lost';
        expect(voteResult(new Set(voters), votes)).toBe(expected);
      }),
    );
  });

  it('a set of members is a quorum when it holds more than half of the voters', () => {
    fc.assert(
      fc.property(ids, ids, (voters, members) => {
        const count = voters.filter((id) => members.includes(id)).length;
        expect(hasQuorum(new Set(voters), new Set(members))).toBe(count * 2 > voters.length);
      }),
    );
  });
});
