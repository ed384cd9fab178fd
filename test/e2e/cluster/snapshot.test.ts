import { afterEach, describe, expect, test } from 'vitest';
import { KVService } from '../../../src/proto/generated/etcd_rpc.js';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { put } from '../../conformance/rpc.js';
import { channelTo, unary } from '../../unary.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

const KEPT = 500;
/** etcd's log keeps 5,000 whatever it is told; ours what the flag says. */
const BEHIND = CLUSTER_KIND === 'etcd' ? 7_000 : 3_000;

describe('a follower behind by more than the log keeps', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('catches up by snapshot while writes go on, also when killed meanwhile', async () => {
    cluster = await Cluster.start({ args: () => ['--snapshot-count', String(KEPT)] });
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader) as [ClusterMember, ClusterMember];
    await follower.kill();
    await fill(leader, BEHIND);
    const workload = await new Workload(cluster).start();
    follower.start('existing');
    // Somewhere on its way: there is no event for it from outside.
    await new Promise((wake) => setTimeout(wake, 300));
    await follower.kill();
    await workload.writes(100);
    await follower.restart();
    await workload.writes(100);
    await cluster.settled();
    await workload.stop();
    await verify('a follower caught up by snapshot', cluster, workload);
    expect((await follower.status()).raftIndex).toBeGreaterThan(BEHIND);
  });
});

async function fill(member: ClusterMember, count: number): Promise<void> {
  const channel = channelTo(member.endpoint);
  let number = 0;
  const writer = async (): Promise<void> => {
    while (number < count) {
      const key = `/fill/${number++}`;
      const answer = await unary(channel, KVService.put, put(key, 'f'.repeat(200)), 10_000);
      if (!('response' in answer)) throw new Error(`${key}: ${answer.details}`);
    }
  };
  await Promise.all(Array.from({ length: 100 }, writer));
  channel.close();
}
