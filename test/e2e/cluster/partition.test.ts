import { afterEach, describe, expect, test } from 'vitest';
import { KVService } from '../../../src/proto/generated/etcd_rpc.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { put, range } from '../../conformance/rpc.js';
import { eventually } from '../../daemon.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

describe.skipIf(process.platform !== 'linux')('cut links', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test.each(['held', 'reset'] as const)(
    'the leader from one follower, %s: the leader stays, and its term (Raft thesis, 9.6)',
    async (how) => {
      cluster = await Cluster.start({ wired: true });
      const workload = await new Workload(cluster).start();
      const leader = await cluster.leader();
      const { raftTerm } = await leader.status();
      const [follower] = cluster.others(leader) as [ClusterMember, ClusterMember];
      cluster.wires.cut(leader.name, follower.name, how);
      // Long enough for it to miss its leader, and to ask the other one for its vote.
      await eventually(async () => {
        if ((await follower.status()).leader !== 0n) throw new Error('it has a leader still');
      });
      await workload.writes(300);
      cluster.wires.healAll();
      await cluster.settled();
      expect(await cluster.leader()).toBe(leader);
      expect((await follower.status()).raftTerm).toBe(raftTerm);
      await workload.stop();
      await verify(`the leader cut from one follower (${how})`, cluster, workload);
    },
  );

  test.each([
    ['both ways, held', 'held', 'held'],
    ['both ways, reset', 'reset', 'reset'],
    ['it is not heard', 'held', 'open'],
    ['it does not hear', 'open', 'held'],
  ] as const)(
    'the leader from both followers, %s: it steps down, reads nothing stale; they elect another',
    async (what, fromIt, toIt) => {
      cluster = await Cluster.start({ wired: true });
      const workload = await new Workload(cluster).start();
      const old = await cluster.leader();
      await old.ask(KVService.put, put('/cut', 'before'));
      for (const other of cluster.others(old)) {
        cluster.wires.set(old.name, other.name, fromIt);
        cluster.wires.set(other.name, old.name, toIt);
      }
      const leader = await cluster.settled(cluster.others(old));
      await leader.ask(KVService.put, put('/cut', 'after'));
      // Refused, or answered after it is heard again: never with what it has.
      const asked = Promise.allSettled(
        Array.from({ length: 10 }, () => old.ask(KVService.range, range('/cut'), 3_000)),
      );
      await eventually(async () => {
        if ((await old.status()).leader === (await old.status()).header?.memberId)
          throw new Error('it leads still');
      });
      await workload.writes(200);
      cluster.wires.healAll();
      for (const answer of await asked) {
        if (answer.status === 'fulfilled') expect(answer.value.kvs[0]?.value.toString()).toBe('after');
      }
      await cluster.settled();
      await workload.writes(200);
      await workload.stop();
      await verify(`the leader cut from both followers (${what})`, cluster, workload);
    },
  );
});
