import { describe, expect, test } from 'vitest';
import { etcdError } from '../../../src/base/etcd-errors.js';
import { silentLog } from '../../../src/io/log.js';
import { HashCheck, type HashCheckPorts } from '../../../src/member/hash-check.js';
import type { HashKVResponse } from '../../../src/proto/generated/etcd_rpc.js';
import { VirtualClock } from '../../sim/clock.js';

const HOUR = 3_600_000;

/** What a member holds: all members whose `content` is equal are. */
interface State {
  revision: number;
  compacted: number;
  content: number;
}

function stateHash({ revision, compacted, content }: State, at: number): HashKVResponse {
  if (at > revision) throw etcdError('futureRevision');
  if (at !== 0 && at < compacted) throw etcdError('compacted');
  const hashed = at === 0 ? revision : at;
  const header = { clusterId: 0n, memberId: 0n, revision: hashed, raftTerm: 2 };
  return { header, hash: content * 1_000_000 + hashed * 1_000 + compacted, compactRevision: compacted };
}

/** Three members with their states, as member 1 sees them. */
class Scene implements HashCheckPorts {
  readonly self = 1n;
  readonly clock = new VirtualClock();
  readonly log = silentLog;
  intervalMs = HOUR;
  leading = 1n;
  corrupt = false;
  refusals = 0;
  readonly raised: bigint[] = [];
  readonly asked: { member: bigint; atMs: number }[] = [];
  underWay = 0;
  readonly states = new Map<bigint, State>(
    [1n, 2n, 3n].map((id) => [id, { revision: 10, compacted: 3, content: 5 }]),
  );

  state(id: bigint): State {
    const state = this.states.get(id);
    if (state === undefined) throw new Error(`no member ${id}`);
    return state;
  }

  leader(): bigint {
    return this.leading;
  }

  others(): readonly bigint[] {
    return [2n, 3n];
  }

  isCorrupt(): boolean {
    return this.corrupt;
  }

  async linearizable(): Promise<void> {
    if (this.refusals-- > 0) throw etcdError('noLeader');
  }

  async hash(revision: number): Promise<HashKVResponse> {
    return stateHash(this.state(1n), revision);
  }

  async ask(member: bigint, revision: number): Promise<HashKVResponse> {
    this.asked.push({ member, atMs: this.clock.monotonicMs() });
    this.underWay++;
    expect(this.underWay).toBe(1);
    await new Promise<void>((resolve) => {
      this.clock.schedule(50, resolve);
    });
    this.underWay--;
    return stateHash(this.state(member), revision);
  }

  async raise(member: bigint): Promise<void> {
    this.raised.push(member);
    this.corrupt = true;
  }

  /** Starts, and lets time pass. */
  async run(ms: number): Promise<HashCheck> {
    const check = new HashCheck(this);
    check.start();
    await this.clock.advance(ms);
    return check;
  }
}

describe('a member that starts', () => {
  test('compares itself with the leader, and finds nothing', async () => {
    const scene = new Scene();
    scene.leading = 2n;
    await scene.run(60_000);
    expect(scene.asked.map(({ member }) => member)).toEqual([2n]);
    expect(scene.raised).toEqual([]);
  });

  test('that differs raises the alarm for itself', async () => {
    const scene = new Scene();
    scene.leading = 2n;
    scene.state(1n).content = 6;
    await scene.run(60_000);
    expect(scene.raised).toEqual([1n]);
  });

  test('waits for a leader', async () => {
    const scene = new Scene();
    scene.leading = 2n;
    scene.refusals = 5;
    scene.state(1n).content = 6;
    await scene.run(10_000);
    expect(scene.asked).toEqual([]);
    await scene.clock.advance(60_000);
    expect(scene.raised).toEqual([1n]);
  });

  test('that leads compares the others later', async () => {
    const scene = new Scene();
    await scene.run(HOUR - 1);
    expect(scene.asked).toEqual([]);
    await scene.clock.advance(60_000);
    expect(scene.asked.map(({ member }) => member)).toEqual([2n, 3n]);
  });
});

describe('a leader', () => {
  test('compares with each of the others, one after the other, once an interval', async () => {
    const scene = new Scene();
    const check = await scene.run(3 * HOUR + 60_000);
    expect(scene.asked.map(({ member }) => member)).toEqual([2n, 3n, 2n, 3n, 2n, 3n]);
    const [first, second] = scene.asked;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect(scene.raised).toEqual([]);
    check.stop();
    await scene.clock.advance(5 * HOUR);
    expect(scene.asked).toHaveLength(6);
  });

  test('raises the alarm for the member that differs', async () => {
    const scene = new Scene();
    scene.state(3n).content = 6;
    await scene.run(HOUR + 60_000);
    expect(scene.raised).toEqual([3n]);
    // Raised once: there is nothing more to find out.
    await scene.clock.advance(3 * HOUR);
    expect(scene.raised).toEqual([3n]);
  });

  test('from which most others differ raises it for itself', async () => {
    const scene = new Scene();
    scene.state(1n).content = 6;
    await scene.run(HOUR + 60_000);
    expect(scene.raised).toEqual([1n]);
  });

  test('of two members takes the other for the wrong one', async () => {
    const scene = new Scene();
    scene.others = () => [2n];
    scene.state(2n).content = 6;
    await scene.run(HOUR + 60_000);
    expect(scene.raised).toEqual([2n]);
  });

  test('waits for a member that is behind', async () => {
    const scene = new Scene();
    const behind = scene.state(2n);
    behind.revision = 4;
    behind.content = 6;
    await scene.run(HOUR + 2_000);
    expect(scene.raised).toEqual([]);
    behind.revision = 12;
    await scene.clock.advance(120_000);
    expect(scene.raised).toEqual([2n]);
  });

  test('never takes another compaction for a difference', async () => {
    const scene = new Scene();
    scene.state(2n).compacted = 4;
    scene.state(2n).content = 6;
    await scene.run(HOUR + 300_000);
    expect(scene.raised).toEqual([]);
    // It has tried some times, then gone on to the next.
    expect(scene.asked.filter(({ member }) => member === 2n)).toHaveLength(6);
    expect(scene.asked.at(-1)?.member).toBe(3n);
    scene.state(1n).compacted = 4;
    scene.state(3n).compacted = 4;
    await scene.clock.advance(HOUR + 60_000);
    expect(scene.raised).toEqual([2n]);
  });

  test('believes a difference only when it sees it twice', async () => {
    const scene = new Scene();
    const ask = scene.ask.bind(scene);
    let answers = 0;
    scene.ask = async (member, revision) => {
      const answer = await ask(member, revision);
      return ++answers === 1 ? { ...answer, hash: 1 } : answer;
    };
    await scene.run(HOUR + 60_000);
    expect(answers).toBe(3);
    expect(scene.raised).toEqual([]);
  });

  test('passes over a member that does not answer', async () => {
    const scene = new Scene();
    const ask = scene.ask.bind(scene);
    scene.ask = async (member, revision) => {
      if (member === 2n) throw etcdError('timedOut');
      return ask(member, revision);
    };
    scene.state(3n).content = 6;
    await scene.run(HOUR + 60_000);
    expect(scene.raised).toEqual([3n]);
  });

  test('that leads no more, or knows of an alarm, compares nothing', async () => {
    const scene = new Scene();
    await scene.run(HOUR / 2);
    scene.leading = 2n;
    await scene.clock.advance(HOUR);
    scene.leading = 1n;
    scene.corrupt = true;
    await scene.clock.advance(HOUR);
    expect(scene.asked).toEqual([]);
    scene.corrupt = false;
    await scene.clock.advance(HOUR);
    expect(scene.asked).not.toEqual([]);
  });

  test('is not to compare at all with an interval of 0', async () => {
    const scene = new Scene();
    scene.intervalMs = 0;
    scene.leading = 2n;
    await scene.run(10 * HOUR);
    expect(scene.asked).toEqual([]);
  });

  test('that stops while it waits leaves no timer: the process can end', async () => {
    const scene = new Scene();
    scene.leading = 2n;
    const due = new Set<object>();
    const schedule = scene.clock.schedule.bind(scene.clock);
    scene.clock.schedule = (ms, run) => {
      const timer = schedule(ms, () => {
        due.delete(timer);
        run();
      });
      due.add(timer);
      return { cancel: () => void (due.delete(timer) && timer.cancel()) };
    };
    const check = await scene.run(1_000);
    expect(due.size).toBe(1);
    check.stop();
    await scene.clock.advance(0);
    expect(due.size).toBe(0);
    expect(scene.asked).toEqual([]);
  });
});
