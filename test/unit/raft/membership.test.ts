import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Membership, nextConfState } from '../../../src/raft/confchange.js';
import { Progress } from '../../../src/raft/progress.js';
import { ADD, ADD_LEARNER, confChange, REMOVE } from './support.js';

const LIMITS = { maxInflightMessages: 4, maxInflightBytes: 100 };

/** Up to seven voters and three learners, each with what it has durable. */
const members = fc.record({
  voters: fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }),
  learners: fc.array(fc.nat(20), { maxLength: 3 }),
});

function membershipOf({ voters, learners }: { voters: number[]; learners: number[] }): Membership {
  const ids = [...voters, ...learners].map((_, at) => BigInt(at + 1));
  const conf = { voters: ids.slice(0, voters.length), learners: ids.slice(voters.length) };
  const membership = new Membership(conf, LIMITS);
  for (const [at, match] of [...voters, ...learners].entries()) {
    membership.progress.get(BigInt(at + 1))?.acknowledge(match);
  }
  return membership;
}

describe('Membership', () => {
  it('what a majority has is what more than half of the voters have; learners change nothing', () => {
    fc.assert(
      fc.property(members, (sample) => {
        const index = membershipOf(sample).quorumMatch();
        const reached = (at: number) =>
          sample.voters.filter((match) => match >= at).length * 2 > sample.voters.length;
        expect(reached(index)).toBe(true);
        expect(reached(index + 1)).toBe(false);
      }),
    );
  });

  it('an acknowledgement never lowers what a majority has, and a learner’s never changes it', () => {
    fc.assert(
      fc.property(members, fc.nat(9), fc.nat(40), (sample, who, match) => {
        const membership = membershipOf(sample);
        const before = membership.quorumMatch();
        membership.progress.get(BigInt(who + 1))?.acknowledge(match);
        const after = membership.quorumMatch();
        expect(after).toBeGreaterThanOrEqual(before);
        if (who >= sample.voters.length) expect(after).toBe(before);
      }),
    );
  });

  it('the quorum check passes when more than half of the voters were heard of, itself included, and asks anew each time', () => {
    fc.assert(
      fc.property(members, fc.uniqueArray(fc.nat(9)), (sample, heard) => {
        const membership = membershipOf(sample);
        for (const at of heard) {
          const progress = membership.progress.get(BigInt(at + 1));
          if (progress !== undefined) progress.recentActive = true;
        }
        // Those who were just added count as heard of.
        expect(membership.checkQuorum(1n)).toBe(true);
        for (const progress of membership.progress.values()) {
          progress.recentActive = heard.includes(Number(progress.id) - 1);
        }
        const voters = sample.voters.map((_, at) => at).filter((at) => at === 0 || heard.includes(at));
        expect(membership.checkQuorum(1n)).toBe(voters.length * 2 > sample.voters.length);
        expect(membership.checkQuorum(1n)).toBe(sample.voters.length === 1);
      }),
    );
  });

  it('any sequence of changes leaves disjoint voters and learners, at least one voter, and progress for exactly them', () => {
    const change = fc.record({ type: fc.constantFrom(ADD, ADD_LEARNER, REMOVE), id: fc.bigInt(1n, 6n) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let conf = { voters: [1n], learners: [] as bigint[] };
        const membership = new Membership(conf, LIMITS);
        const matches = new Map<bigint, number>();
        for (const [at, { type, id }] of changes.entries()) {
          const next = nextConfState(conf, confChange(type, id));
          if (next === undefined) {
            expect(conf.voters).toEqual([id]);
            continue;
          }
          conf = next;
          membership.set(conf, at);
          for (const known of matches.keys()) {
            if (![...conf.voters, ...conf.learners].includes(known)) matches.delete(known);
          }
          membership.progress.get(id)?.acknowledge(at + 1);
          if (membership.progress.has(id)) matches.set(id, at + 1);
          expect(conf.voters.length).toBeGreaterThan(0);
          expect(conf.voters.some((voter) => conf.learners.includes(voter))).toBe(false);
          const { voters, learners } = membership.confState;
          expect(new Set(voters)).toEqual(new Set(conf.voters));
          expect(new Set(learners)).toEqual(new Set(conf.learners));
          expect(membership.progress.size).toBe(conf.voters.length + conf.learners.length);
          // Who stays keeps what is known of it.
          for (const [known, match] of matches) expect(membership.progress.get(known)?.match).toBe(match);
        }
      }),
    );
  });
});

describe('Progress, in any order of events', () => {
  it('0 ≤ match < next, the inflight bounds hold, and match never falls', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), count: fc.nat(3), bytes: fc.nat(60) }),
      fc.record({ kind: fc.constant('ack' as const), index: fc.nat(40) }),
      fc.record({ kind: fc.constant('reject' as const), rejected: fc.nat(40), hint: fc.nat(40) }),
      fc.record({ kind: fc.constant('snapshot' as const), index: fc.nat(40) }),
      fc.constantFrom(
        { kind: 'probe' as const },
        { kind: 'replicate' as const },
        { kind: 'failed' as const },
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.array(event, { maxLength: 60 }), (next, events) => {
        const progress = new Progress(2n, next, false, LIMITS);
        for (const one of events) {
          const before = progress.match;
          if (one.kind === 'send') {
            if (progress.paused || progress.inflights.full) continue;
            progress.sent(progress.next - 1 + one.count, one.bytes, 40);
          } else if (one.kind === 'ack') {
            if (progress.acknowledge(one.index) && progress.state === 'replicate') {
              progress.inflights.freeUpTo(one.index);
            }
          } else if (one.kind === 'reject') progress.decreaseTo(one.rejected, one.hint);
          else if (one.kind === 'snapshot') progress.becomeSnapshot(Math.max(one.index, progress.match));
          else if (one.kind === 'probe') progress.becomeProbe();
          else if (one.kind === 'replicate') progress.becomeReplicate();
          else progress.snapshotFailed();
          expect(progress.match).toBeGreaterThanOrEqual(before);
          expect(progress.next).toBeGreaterThan(progress.match);
          expect(progress.inflights.count).toBeLessThanOrEqual(LIMITS.maxInflightMessages);
          if (progress.state !== 'snapshot') expect(progress.pendingSnapshot).toBe(0);
        }
      }),
    );
  });
});
