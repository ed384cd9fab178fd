import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { KVService } from '../../src/proto/generated/etcd_rpc.js';
import { bytes, put, Rpc } from '../conformance/rpc.js';
import { Daemon } from '../daemon.js';

const KILLS = Number(process.env.TEST_KILLS ?? '50');
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 100_000);
const WRITERS = 24;

interface Acknowledged {
  readonly value: string;
  readonly revision: number;
}

describe('kill -9 under load', () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await Daemon.start({ args: ['--no-render'] });
  });
  afterAll(() => daemon?.kill());

  test(`${KILLS} times: no acknowledged write and no revision is lost (TEST_SEED=${SEED})`, {
    timeout: 30_000 + KILLS * 3_000,
  }, async () => {
    const random = new Prng(SEED);
    const all = new Map<string, Acknowledged>();
    let newest = 1;
    let recoveries = 0;

    for (let round = 0; round < KILLS; round++) {
      const rpc = new Rpc(daemon.endpoint);
      const mine = new Map<string, Acknowledged>();
      let killed = false;
      let number = 0;
      const writer = async (): Promise<void> => {
        while (!killed) {
          const key = `${round}/${number++}`;
          const value = 'v'.repeat(random.below(2_000)) + key;
          const outcome = await rpc.outcome(KVService.put, put(key, value));
          if (!('response' in outcome)) return;
          mine.set(key, { value, revision: outcome.response.header?.revision ?? 0 });
        }
      };
      const writers = Array.from({ length: WRITERS }, () => writer());
      await passed(10 + random.below(200));
      killed = true;
      await daemon.kill();
      await Promise.all(writers);
      rpc.close();

      // Sometimes once more while it recovers, before it serves.
      const restart = daemon.restart();
      if (random.chance(0.15)) {
        await passed(random.below(400));
        recoveries++;
        await daemon.kill();
        await restart.catch(() => {});
        await daemon.restart();
      } else await restart;

      const after = new Rpc(daemon.endpoint);
      const { kvs, header } = await after.range(`${round}/`, { rangeEnd: bytes(`${round}0`) });
      const found = new Map(kvs.map((kv) => [kv.key.toString(), kv]));
      for (const [key, { value, revision }] of mine) {
        const kv = found.get(key);
        expect([key, kv?.modRevision, kv?.value.toString()]).toEqual([key, revision, value]);
        newest = Math.max(newest, revision);
        all.set(key, { value, revision });
      }
      expect(header?.revision).toBeGreaterThanOrEqual(newest);
      newest = header?.revision ?? 0;
      after.close();
    }

    // The whole history, as a watch from the beginning tells it: each revision once, in order.
    const rpc = new Rpc(daemon.endpoint);
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('\0'), rangeEnd: bytes('\0'), startRevision: 1 });
    await watching.that(() => (watching.events(watchId).length >= newest - 1 ? true : undefined), 20_000);
    const events = watching.events(watchId);
    expect(events.map(({ kv }) => kv?.modRevision)).toEqual(events.map((_, at) => at + 2));
    const byRevision = new Map(events.map(({ kv }) => [kv?.modRevision, kv]));
    for (const [key, { value, revision }] of all) {
      expect(byRevision.get(revision)?.key.toString()).toBe(key);
      expect(byRevision.get(revision)?.value.toString()).toBe(value);
    }
    rpc.close();
    // Otherwise this has shown nothing.
    expect(all.size).toBeGreaterThan(KILLS * 10);
    process.stderr.write(
      `${KILLS} kills, ${recoveries} during recovery: ${all.size} acknowledged writes kept\n`,
    );
  });
});

/** A moment to be killed at: the one thing here that has no event. */
function passed(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
