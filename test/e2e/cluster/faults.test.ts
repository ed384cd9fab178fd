import { afterEach, describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { MaintenanceService } from '../../../src/proto/generated/etcd_rpc.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

const FAULTS = Number(process.env.TEST_FAULTS ?? '5');
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 100_000);

/** Makes something go wrong; answers what makes it right again. */
type Fault = (cluster: Cluster, victim: ClusterMember, random: Prng) => Promise<() => Promise<void> | void>;

const KINDS: Readonly<Record<string, Fault>> = {
  kill: async (_, victim) => {
    await victim.kill();
    return () => victim.restart();
  },
  'kill twice': async (_, victim, random) => {
    await victim.kill();
    victim.start('existing');
    await passed(random.below(600));
    await victim.kill();
    return () => victim.restart();
  },
  'kill two': async (cluster, victim) => {
    const [other = victim] = cluster.others(victim);
    await Promise.all([victim.kill(), other.kill()]);
    victim.start('existing');
    other.start('existing');
    return async () => {
      await victim.ready();
      await other.ready();
    };
  },
  stop: async (_, victim) => {
    await victim.stop();
    return () => victim.restart();
  },
  pause: async (_, victim) => {
    victim.pause();
    return () => victim.resume();
  },
  isolate: async (cluster, victim, random) => {
    for (const other of cluster.others(victim)) {
      cluster.wires.cut(victim.name, other.name, random.chance(0.5) ? 'held' : 'reset');
    }
    return () => cluster.wires.healAll();
  },
  'cut one way': async (cluster, victim, random) => {
    const outwards = random.chance(0.5);
    for (const other of cluster.others(victim)) {
      const [from, to] = outwards ? [victim.name, other.name] : [other.name, victim.name];
      cluster.wires.set(from, to, 'held');
    }
    return () => cluster.wires.healAll();
  },
  'cut one link': async (cluster, victim) => {
    const [other = victim] = cluster.others(victim);
    cluster.wires.cut(victim.name, other.name, 'reset');
    return () => cluster.wires.healAll();
  },
  'move the leader': async (cluster, victim) => {
    const leader = await cluster.leader();
    const targetID = await cluster.idOf(victim, leader);
    // Refused if it is the leader, or if another fault's election comes between.
    await leader.outcome(MaintenanceService.moveLeader, { targetID });
    return () => undefined;
  },
};

describe.skipIf(process.platform !== 'linux')('faults in a row under load', () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test(`${FAULTS} at random: nothing acknowledged is lost, nothing read is stale (TEST_SEED=${SEED})`, {
    timeout: PATIENCE_MS + FAULTS * 15_000,
  }, async () => {
    const random = new Prng(SEED);
    cluster = await Cluster.start({ wired: true });
    const workload = await new Workload(cluster, { seed: SEED }).start();
    const told: string[] = [];
    const names = Object.keys(KINDS);
    for (let number = 0; number < FAULTS; number++) {
      const name = names[random.below(names.length)] ?? '';
      const leader = await cluster.leader();
      const victim = random.chance(0.6) ? leader : (cluster.members[random.below(3)] ?? leader);
      told.push(`${name} ${victim.name}${victim === leader ? ' (the leader)' : ''}`);
      try {
        const undo = await KINDS[name]?.(cluster, victim, random);
        await workload.writes(50 + random.below(100));
        await undo?.();
        await workload.writes(20);
        await cluster.settled();
      } catch (error) {
        throw new Error(`after ${told.join(', ')}`, { cause: error });
      }
    }
    await workload.stop();
    await verify(told.join(', '), cluster, workload);
    expect(cluster.members.every(({ running }) => running)).toBe(true);
  });
});

/** A moment to be killed at: the one thing here that has no event. */
function passed(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
