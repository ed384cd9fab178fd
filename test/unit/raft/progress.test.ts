import { describe, expect, it } from 'vitest';
import { Progress } from '../../../src/raft/progress.js';

const LIMITS = { maxInflightMessages: 3, maxInflightBytes: 1000 };
const progress = (next = 6) => new Progress(2n, next, false, LIMITS);

function replicating(match: number): Progress {
  const one = progress(match + 1);
  one.acknowledge(match);
  one.becomeReplicate();
  return one;
}

describe('Progress', () => {
  it('probes with one message at a time', () => {
    const one = progress();
    expect(one.paused).toBe(false);
    one.sent(8, 10, 0);
    expect([one.paused, one.next, one.inflights.count]).toEqual([true, 6, 0]);
    expect(one.acknowledge(8)).toBe(true);
    expect([one.paused, one.match, one.next]).toEqual([false, 8, 9]);
  });

  it('replicates message after message without waiting', () => {
    const one = replicating(5);
    one.sent(7, 10, 0);
    one.sent(9, 10, 0);
    expect([one.next, one.match, one.inflights.count, one.inflights.bytes]).toEqual([10, 5, 2, 20]);
  });

  it('an append without entries takes no place among those under way', () => {
    const one = replicating(5);
    one.sent(5, 0, 5);
    expect([one.next, one.inflights.count, one.sentCommit]).toEqual([6, 0, 5]);
  });

  it('knows which commit index the follower can have made its own', () => {
    const one = replicating(5);
    one.sent(7, 10, 100);
    expect(one.sentCommit).toBe(7);
  });

  it('takes no notice of old acknowledgements', () => {
    const one = replicating(5);
    expect(one.acknowledge(5)).toBe(false);
    expect(one.acknowledge(3)).toBe(false);
    expect([one.match, one.next]).toEqual([5, 6]);
  });

  it('goes back to probing behind its match when a follower lacks what was sent', () => {
    const one = replicating(5);
    one.sent(9, 10, 9);
    expect(one.decreaseTo(9, 6)).toBe(true);
    expect([one.state, one.next, one.sentCommit, one.inflights.count]).toEqual(['probe', 6, 5, 0]);
  });

  it('takes no notice of rejections older than what is known', () => {
    expect(replicating(5).decreaseTo(5, 3)).toBe(false);
    expect(progress(6).decreaseTo(3, 2)).toBe(false);
  });

  it('a probe follows the hint, not below the first entry and not at or below the match', () => {
    const hinted = progress(10);
    expect(hinted.decreaseTo(9, 3)).toBe(true);
    expect(hinted.next).toBe(4);
    const high = progress(10);
    high.decreaseTo(9, 50);
    expect(high.next).toBe(9);
    const empty = progress(1);
    empty.decreaseTo(0, 0);
    expect(empty.next).toBe(1);
  });

  it('sends nothing while a snapshot is on its way, and then what follows it', () => {
    const one = progress();
    one.becomeSnapshot(20);
    expect([one.paused, one.pendingSnapshot]).toEqual([true, 20]);
    expect(one.decreaseTo(5, 0)).toBe(false);
    one.becomeProbe();
    expect([one.paused, one.next, one.pendingSnapshot]).toEqual([false, 21, 0]);
  });

  it('starts over from what is known after a snapshot that failed', () => {
    const one = progress();
    one.becomeSnapshot(20);
    one.snapshotFailed();
    expect([one.state, one.next, one.sentCommit]).toEqual(['probe', 1, 0]);
  });
});
