import { expect, test } from 'vitest';
import type { Member } from '../../../src/member/member.js';
import {
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimHost } from '../../sim/host.js';

const bytes = (text: string): Buffer => Buffer.from(text);
const put = (key: string, value: string, lease = 0n) =>
  PutRequest.fromPartial({ key: bytes(key), value: bytes(value), lease });
const all = (serializable = false) =>
  RangeRequest.fromPartial({ key: bytes('\0'), rangeEnd: bytes('\0'), serializable });
const remove = (key: string, end: string) =>
  DeleteRangeRequest.fromPartial({ key: bytes(key), rangeEnd: bytes(end) });
const ranged = (key: string, end: string): RequestOp => ({
  request: {
    $case: 'requestRange',
    value: RangeRequest.fromPartial({ key: bytes(key), rangeEnd: bytes(end) }),
  },
});
const removed = (key: string, end: string): RequestOp => ({
  request: { $case: 'requestDeleteRange', value: remove(key, end) },
});
const stored = (key: string, value: string): RequestOp => ({
  request: { $case: 'requestPut', value: put(key, value) },
});

/** With two rows a slice, and turns that take time: a long entry here takes many milliseconds. */
const SLICED = { applySliceRows: 2 };
const LEASE = 7n;

async function fill(member: Member, round = 0): Promise<void> {
  await member.leaseGrant(LeaseGrantRequest.fromPartial({ ID: LEASE, TTL: 1_000 }));
  for (let at = 0; at < 12; at++) await member.put(put(`/a/${at + 10}`, `${round}`));
  for (let at = 0; at < 9; at++) await member.put(put(`/l/${at}`, `${round}`, LEASE));
  for (let at = 0; at < 8; at++) await member.put(put(`/t/${at}`, `${round}`));
}

/** Three long entries, one after the other. */
const LONG: readonly ((member: Member) => Promise<unknown>)[] = [
  (member) => member.deleteRange(remove('/a/', '/a0')),
  (member) => member.leaseRevoke({ ID: LEASE }),
  (member) =>
    member.txn(
      TxnRequest.fromPartial({
        success: [ranged('/', '0'), removed('/t/2', '/t/6'), stored('/u', 'new'), ranged('/t/', '/u0')],
      }),
    ),
];

async function stateOf(member: Member): Promise<string> {
  const { kvs, header } = await member.range(all());
  const { TTL } = await member.leaseTimeToLive(LeaseTimeToLiveRequest.fromPartial({ ID: LEASE }));
  const rows = kvs.map((kv) => `${kv.key.toString()}=${kv.value.toString()}@${kv.modRevision} ${kv.lease}`);
  return `${header?.revision} ${TTL > 0} ${rows.join()}`;
}

/** What there may be: before the first long entry, and after each. */
async function expectedStates(clock: VirtualClock): Promise<string[]> {
  const member = await clock.until(new SimHost(clock, 1).start());
  await clock.until(fill(member));
  const states = [await clock.until(stateOf(member))];
  for (const entry of LONG) {
    await clock.until(entry(member));
    states.push(await clock.until(stateOf(member)));
  }
  return states;
}

for (const crash of ['losePower', 'crashProcess'] as const) {
  test(`${crash} at any disk operation under long entries leaves each done or not begun`, async () => {
    const expected = await expectedStates(new VirtualClock());
    expect(new Set(expected).size).toBe(LONG.length + 1);
    let reached = 0;
    for (let step = 1; ; step++) {
      const clock = new VirtualClock();
      const host = new SimHost(clock, step);
      const member = await clock.until(host.start(SLICED));
      await clock.until(fill(member));
      let acknowledged = 0;
      const crashed = host.disk.crashAtStep(host.disk.steps + step);
      const run = (async () => {
        for (const entry of LONG) {
          await entry(member);
          acknowledged++;
        }
        await member.stop();
      })();
      const ended = await clock.until(Promise.race([crashed.then(() => 'crash'), run.then(() => 'done')]));
      if (ended === 'done') break;
      reached = step;
      host[crash]();
      const again = await clock.until(host.start(SLICED));
      expect(expected.slice(acknowledged)).toContain(await clock.until(stateOf(again)));
    }
    expect(reached).toBeGreaterThan(10);
  }, 60_000);

  test(`${crash} at any moment under a long entry leaves it done or not begun`, async () => {
    const expected = await expectedStates(new VirtualClock());
    let between = 0;
    for (let afterMs = 0; afterMs < 24; afterMs += 0.4) {
      const clock = new VirtualClock();
      const host = new SimHost(clock, 3);
      const member = await clock.until(host.start(SLICED));
      await clock.until(fill(member));
      let acknowledged = 0;
      const run = (async () => {
        for (const entry of LONG) {
          await entry(member);
          acknowledged++;
        }
      })();
      run.catch(() => undefined);
      await clock.advance(afterMs);
      const { appliedIndex, committedIndex } = member.status();
      if (appliedIndex < committedIndex) between++;
      host[crash]();
      const again = await clock.until(host.start(SLICED));
      expect(expected.slice(acknowledged)).toContain(await clock.until(stateOf(again)));
    }
    // Most of the moments are in the middle of one.
    expect(between).toBeGreaterThan(25);
  }, 60_000);
}

/** A member in the middle of the deletion of twelve keys. */
async function midway(options = SLICED) {
  const clock = new VirtualClock();
  const host = new SimHost(clock, 5);
  const member = await clock.until(host.start(options));
  await clock.until(fill(member));
  const before = await clock.until(stateOf(member));
  const deleted = member.deleteRange(remove('/a/', '/a0'));
  deleted.catch(() => undefined);
  const { appliedIndex } = member.status();
  for (let waits = 0; member.status().committedIndex === appliedIndex && waits < 200; waits++)
    await clock.advance(0.1);
  await clock.advance(1);
  expect(member.status()).toMatchObject({ appliedIndex, committedIndex: appliedIndex + 1 });
  return { clock, host, member, before, deleted, appliedIndex };
}

test('while a long entry is applied, a local read sees nothing of it, and one that asks the quorum waits for it', async () => {
  const { clock, member, before, deleted } = await midway();
  const local = await clock.until(member.range(all(true)));
  expect(local.kvs).toHaveLength(29);
  expect(before.startsWith(`${local.header?.revision} `)).toBe(true);
  expect(member.status().appliedIndex).toBeLessThan(member.status().committedIndex);
  const linearizable = await clock.until(member.range(all()));
  expect(linearizable.kvs).toHaveLength(17);
  expect((await clock.until(deleted)).deleted).toBe(12);
});

test('what is proposed while a long entry is applied comes behind it, and time goes on', async () => {
  const { clock, member, deleted, appliedIndex } = await midway();
  const order: string[] = [];
  const stored = member.put(put('/a/10', 'behind')).then(() => order.push('put'));
  void deleted.then(() => order.push('delete'));
  for (let waits = 0; member.status().committedIndex === appliedIndex + 1 && waits < 40; waits++) {
    await clock.advance(0.1);
  }
  // In the log already, and not applied.
  expect(member.status()).toMatchObject({ appliedIndex, committedIndex: appliedIndex + 2 });
  expect(order).toEqual([]);
  await clock.until(stored);
  expect(order).toEqual(['delete', 'put']);
  const { kvs } = await clock.until(member.range(RangeRequest.fromPartial({ key: bytes('/a/10') })));
  expect(kvs[0]).toMatchObject({ version: 1 });
});

test('a member that is stopped in the middle of a long entry ends, and applies it after its next start', async () => {
  const { clock, host, member, deleted } = await midway();
  await clock.until(member.stop());
  await expect(deleted).rejects.toThrow('etcdserver: server stopped');
  const again = await clock.until(host.start(SLICED));
  const { kvs } = await clock.until(again.range(all()));
  expect(kvs.map(({ key }) => key.toString()).filter((key) => key.startsWith('/a/'))).toEqual([]);
  expect(kvs).toHaveLength(17);
});

test('a lease and its keys are there for everybody until the entry that revokes it ends', async () => {
  const clock = new VirtualClock();
  const member = await clock.until(new SimHost(clock, 6).start(SLICED));
  await clock.until(fill(member));
  const revoked = member.leaseRevoke({ ID: LEASE });
  const { appliedIndex } = member.status();
  let waited = 0;
  const counts = new Set<number>();
  let isOver = false;
  void revoked.then(() => {
    isOver = true;
  });
  while (!isOver && waited++ < 500) {
    await clock.advance(0.1);
    if (member.status().appliedIndex > appliedIndex) break;
    counts.add((await clock.until(member.range(all(true)))).kvs.length);
  }
  expect([...counts]).toEqual([29]);
  expect(waited).toBeGreaterThan(20);
  await clock.until(revoked);
  expect((await clock.until(member.range(all(true)))).kvs).toHaveLength(20);
  expect((await clock.until(member.leaseLeases())).leases).toEqual([]);
});
