import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { peer } from '../peers.js';
import { History, show } from './history.js';
import { type Now, Requests, type Step } from './requests.js';
import { bytes, Rpc } from './rpc.js';
import { type Server, startServer } from './servers.js';

/** TEST_SEEDS=7 repeats one, TEST_SEEDS=1,2,3 several. */
const SEEDS = (process.env.TEST_SEEDS ?? '1,2,3,4,5,6').split(',').map(Number);
const STEPS = Number(process.env.TEST_STEPS ?? '400');

/**
 * The same random requests, in the same order, to a real etcd and to ours. Both have one identity, so that whole
 * answers can be compared, headers included.
 */
describe.skipIf(peer('etcd') === undefined)('random histories give the answers of a real etcd', () => {
  let servers: readonly (Server & { stop(): Promise<void> })[];
  let etcd: Rpc;
  let confetd: Rpc;
  // New ones for each, so that a seed alone repeats a failure.
  beforeEach(async () => {
    servers = await Promise.all([startServer('etcd'), startServer('confetd')]);
    [etcd, confetd] = servers.map(({ endpoint }) => new Rpc(endpoint)) as [Rpc, Rpc];
  });
  afterEach(async () => {
    etcd?.close();
    confetd?.close();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  test.each(SEEDS)('seed %i', async (seed) => {
    const requests = new Requests(new Prng(seed));
    const [theirs, ours] = await Promise.all([
      History.begin('etcd', etcd),
      History.begin('confetd', confetd),
    ]);
    const now = { revision: 1, compacted: 0 };
    const tally: Record<string, number> = {};

    for (let number = 1; number <= STEPS; number++) {
      const step = watchable(requests.next(now), now);
      const told = `seed ${seed}, step ${number}, revision ${now.revision}: ${show(step)}`;
      const [expected, got] = await Promise.all([theirs.play(step, now), ours.play(step, now)]).catch(
        (error) => {
          throw new Error(told, { cause: error });
        },
      );
      expect(got, told).toEqual(expected);
      count(tally, step, expected);
      advance(now, step, expected);
    }

    await Promise.all([theirs.settle(now), ours.settle(now)]);
    theirs.check();
    ours.check();
    expect(ours.record()).toEqual(theirs.record());
    expect(ours.watched()).toEqual(theirs.watched());
    expect(await everything(confetd)).toEqual(await everything(etcd));
    // A history that is mostly refused shows little.
    if (STEPS >= 400) {
      expect(now.revision).toBeGreaterThan(STEPS / 5);
      expect(tally['txn ok']).toBeGreaterThan(STEPS / 20);
      expect(tally['range ok']).toBeGreaterThan(STEPS / 20);
      expect(theirs.watched().flatMap(({ events }) => events).length).toBeGreaterThan(STEPS / 8);
    }
    theirs.end();
    ours.end();
  });
});

/** etcd 3.4 forgets a deletion at the very revision of a compaction, which a watch from there would show. */
function watchable(step: Step, { compacted }: Now): Step {
  if (step.kind !== 'watch' || step.request.startRevision !== compacted || compacted === 0) return step;
  return { ...step, request: { ...step.request, startRevision: compacted + 1 } };
}

function advance(now: { revision: number; compacted: number }, step: Step, outcome: unknown): void {
  if (typeof outcome !== 'object' || outcome === null || !('response' in outcome)) return;
  const { header } = outcome.response as { header?: { revision: number } };
  now.revision = Math.max(now.revision, header?.revision ?? 0);
  if (step.kind === 'compact') now.compacted = step.request.revision;
}

function count(tally: Record<string, number>, step: Step, outcome: unknown): void {
  const refused = typeof outcome === 'object' && outcome !== null && 'code' in outcome;
  const name = `${step.kind} ${refused ? 'refused' : 'ok'}`;
  tally[name] = (tally[name] ?? 0) + 1;
}

function everything(rpc: Rpc): Promise<unknown> {
  return rpc.range('\0', { rangeEnd: bytes('\0') });
}
