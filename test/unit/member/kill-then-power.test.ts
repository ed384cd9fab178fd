import { expect, test } from 'vitest';
import { PutRequest, RangeRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimHost } from '../../sim/host.js';

const none = Buffer.alloc(0);
const key = Buffer.from('/k');
const put = { ...PutRequest.decode(none), key, value: Buffer.from('v') };
const get = { ...RangeRequest.decode(none), key };

/** A start that is killed at a step of the disk, a life that writes, a loss of power. False: the start ended before. */
async function survives(step: number, seed: number): Promise<boolean> {
  const clock = new VirtualClock();
  const host = new SimHost(clock, seed);
  const killed = host.disk.crashAtStep(step);
  const first = host.start();
  const ended = await clock.until(Promise.race([killed.then(() => 'killed'), first.then(() => 'started')]));
  if (ended === 'started') return false;
  host.crashProcess();
  const second = await clock.until(host.start());
  await clock.until(second.put(put));
  host.losePower();
  const third = await clock.until(host.start());
  const { kvs } = await clock.until(third.range(get));
  expect(kvs[0]?.value.toString(), `killed at step ${step}, seed ${seed}`).toBe('v');
  return true;
}

test('what a killed start has left counts as durable only once it is: the next life makes it so', async () => {
  for (let step = 1; ; step++) {
    for (let seed = 1; seed <= 6; seed++) {
      if (await survives(step, seed)) continue;
      expect(step).toBeGreaterThan(20);
      return;
    }
  }
});
