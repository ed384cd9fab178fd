import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { silentLog } from '../../../src/io/log.js';
import { Acquaintances } from '../../../src/member/acquaintances.js';
import { LocalState } from '../../../src/member/local-state.js';
import { Hello, Refusal } from '../../../src/proto/generated/peer.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimDisk } from '../../sim/disk.js';

const TOKEN = Buffer.from('token');
const hello = (memberId: bigint, instance: bigint, more: Partial<Hello> = {}): Hello =>
  Hello.fromPartial({ clusterId: 7n, memberId, instance, tokenDigest: TOKEN, protocol: 1, ...more });

async function host(clock = new VirtualClock(), disk?: SimDisk) {
  const used = disk ?? new SimDisk(new Prng(1), { clock });
  const local = await clock.until(
    used
      .makeFolder('/m')
      .then(() => used.syncFolder('/'))
      .then(() => LocalState.open(used, '/m')),
  );
  const removed = new Set<bigint>();
  const acquaintances = new Acquaintances({
    hello: hello(1n, 11n),
    local,
    log: silentLog,
    isRemoved: (id) => removed.has(id),
  });
  return {
    clock,
    disk: used,
    local,
    removed,
    admit: (theirs: Hello) => clock.until(acquaintances.admit(theirs)),
  };
}

describe('a member is admitted', () => {
  test('with the data folder that it was first met with, and no other', async () => {
    const { admit } = await host();
    expect(await admit(hello(2n, 22n))).toBe(Refusal.ADMITTED);
    expect(await admit(hello(2n, 22n))).toBe(Refusal.ADMITTED);
    expect(await admit(hello(2n, 23n))).toBe(Refusal.OTHER_INSTANCE);
    expect(await admit(hello(3n, 23n))).toBe(Refusal.ADMITTED);
  });

  test('and that is durable when it is admitted: it survives a power loss', async () => {
    const first = await host();
    await first.admit(hello(2n, 22n));
    const again = await host(first.clock, first.disk.losePower());
    expect(await again.admit(hello(2n, 23n))).toBe(Refusal.OTHER_INSTANCE);
  });

  test('of two that come with one ID at once, only one', async () => {
    const { clock, disk, local } = await host();
    const acquaintances = new Acquaintances({
      hello: hello(1n, 11n),
      local,
      log: silentLog,
      isRemoved: () => false,
    });
    const both = Promise.all([acquaintances.admit(hello(2n, 22n)), acquaintances.admit(hello(2n, 23n))]);
    expect(await clock.until(both)).toEqual([Refusal.ADMITTED, Refusal.OTHER_INSTANCE]);
    expect(disk).toBeDefined();
  });

  test('not from another cluster, with another token, under our own ID, with a newer protocol, or removed', async () => {
    const { admit, removed } = await host();
    removed.add(9n);
    expect(await admit(hello(2n, 22n, { clusterId: 8n }))).toBe(Refusal.OTHER_CLUSTER);
    expect(await admit(hello(2n, 22n, { tokenDigest: Buffer.from('else') }))).toBe(Refusal.OTHER_TOKEN);
    expect(await admit(hello(1n, 22n))).toBe(Refusal.OTHER_MEMBER);
    expect(await admit(hello(2n, 22n, { protocol: 2 }))).toBe(Refusal.OTHER_PROTOCOL);
    expect(await admit(hello(9n, 22n))).toBe(Refusal.REMOVED);
    // None of them was taken note of.
    expect(await admit(hello(2n, 24n))).toBe(Refusal.ADMITTED);
  });
});

test('a full disk admits nobody new, and forgets nobody', async () => {
  const { admit, local, disk, clock } = await host();
  expect(await admit(hello(2n, 22n))).toBe(Refusal.ADMITTED);
  const open = disk.open.bind(disk);
  disk.open = () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
  await expect(admit(hello(3n, 33n))).rejects.toThrow('ENOSPC');
  expect(await admit(hello(2n, 22n))).toBe(Refusal.ADMITTED);
  disk.open = open;
  expect(local.instanceOf(3n)).toBeUndefined();
  expect(await admit(hello(3n, 34n))).toBe(Refusal.ADMITTED);
  expect(await clock.until(local.setCaughtUp().then(() => local.caughtUp))).toBe(true);
});
