import { expect, test } from 'vitest';
import type { Member } from '../../../src/member/member.js';
import { PutRequest, RangeRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimHost } from '../../sim/host.js';

const none = Buffer.alloc(0);

function put(key: string, value: string) {
  return { ...PutRequest.decode(none), key: Buffer.from(key), value: Buffer.from(value) };
}

function get(key: string) {
  return { ...RangeRequest.decode(none), key: Buffer.from(key) };
}

interface Acknowledged {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** Four clients that put one value after the other, until the process ends or each has put `rounds`. */
async function load(member: Member, rounds: number, acknowledged: Acknowledged[]): Promise<void> {
  await Promise.all(
    [0, 1, 2, 3].map(async (client) => {
      for (let round = 0; round < rounds; round++) {
        const [key, value] = [`/client/${client}`, `${round}:${'x'.repeat(40 * client)}`];
        const { header } = await member.put(put(key, value));
        acknowledged.push({ key, value, revision: header?.revision ?? 0 });
      }
    }),
  );
}

async function check(member: Member, acknowledged: readonly Acknowledged[]): Promise<void> {
  const newest = new Map(acknowledged.map((write) => [write.key, write]));
  for (const { key, value, revision } of newest.values()) {
    const { kvs, header } = await member.range(get(key));
    const [kv] = kvs;
    expect(header?.revision).toBeGreaterThanOrEqual(revision);
    // A later put that wasn't acknowledged may have survived; an earlier value means a lost write.
    expect(kv?.modRevision).toBeGreaterThanOrEqual(revision);
    if (kv?.modRevision === revision) expect(kv.value.toString()).toBe(value);
  }
}

for (const crash of ['losePower', 'crashProcess'] as const) {
  test(`${crash} at any disk operation loses no acknowledged write and no revision`, async () => {
    let reached = 0;
    for (let step = 1; ; step += 1) {
      const clock = new VirtualClock();
      const host = new SimHost(clock, step);
      const acknowledged: Acknowledged[] = [];
      const crashed = host.disk.crashAtStep(step);
      const run = host.start().then((member) => load(member, 12, acknowledged));
      const ended = await clock.until(Promise.race([crashed.then(() => 'crash'), run.then(() => 'done')]));
      if (ended === 'done') break;
      reached = step;
      host[crash]();
      const member = await clock.until(host.start());
      await clock.until(check(member, acknowledged));
      // And it goes on from there: another life, another crash, everything still there.
      await clock.until(load(member, 2, acknowledged));
      host[crash]();
      await clock.until(host.start().then((again) => check(again, acknowledged)));
    }
    expect(reached).toBeGreaterThan(60);
  }, 60_000);
}

test('a failed sync of the log halts the member, and nothing after it is acknowledged', async () => {
  const clock = new VirtualClock();
  const host = new SimHost(clock, 1);
  const member = await clock.until(host.start());
  await clock.until(member.put(put('/a', '1')));
  host.disk.failWhen((step) => (step.operation === 'sync' ? 'EIO' : undefined));
  await expect(clock.until(member.put(put('/a', '2')))).rejects.toThrow('etcdserver: server stopped');
  expect(host.halted?.code).toBe('disk');
  host.disk.failWhen(undefined);
  await expect(clock.until(member.put(put('/a', '3')))).rejects.toThrow('etcdserver: server stopped');
});
