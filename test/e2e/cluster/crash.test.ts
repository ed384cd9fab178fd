import { afterEach, describe, expect, test } from 'vitest';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import { MemberHistory } from './member-history.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

/** etcd ends itself by the signal that it was sent. */
const IN_GOOD_ORDER = CLUSTER_KIND === 'etcd' ? { code: null, signal: 'SIGTERM' } : { code: 0, signal: null };

describe('members that end', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('kill -9 of the leader under load: the others go on, and it comes back with what it missed', async () => {
    cluster = await Cluster.start();
    const workload = await new Workload(cluster).start();
    const leader = await cluster.leader();
    // Whoever watches through a survivor sees everything, once and in order.
    const live = await Promise.all(cluster.others(leader).map((member) => MemberHistory.open(member)));
    await leader.kill();
    await workload.writes(300);
    await leader.restart();
    await workload.writes(300);
    await workload.stop();
    await verify('kill -9 of the leader', cluster, workload, live);
    expect(workload.longestGapMs).toBeLessThan(5_000);
  });

  test('kill -9 of all three under load: all comes back', async () => {
    cluster = await Cluster.start();
    const workload = await new Workload(cluster).start();
    await workload.writes(300);
    await Promise.all(cluster.members.map((member) => member.kill()));
    for (const member of cluster.members) member.start('new');
    await cluster.settled();
    await workload.writes(300);
    await workload.stop();
    await verify('kill -9 of all three', cluster, workload);
  });

  test('a rolling restart by SIGTERM: leadership is handed over before, writes hardly pause', async () => {
    cluster = await Cluster.start({ heartbeatMs: 100, electionMs: 1_000 });
    const workload = await new Workload(cluster).start();
    const leader = await cluster.leader();
    // The leader not last: a cluster that elects because its leader is gone would wait an election timeout.
    for (const member of [
      ...cluster.others(leader).slice(1),
      leader,
      ...cluster.others(leader).slice(0, 1),
    ]) {
      expect(await member.stop()).toEqual(IN_GOOD_ORDER);
      await workload.writes(100);
      await member.restart();
      await cluster.settled();
      await workload.writes(100);
    }
    await workload.stop();
    await verify('a rolling restart', cluster, workload);
    expect(workload.longestGapMs).toBeLessThan(cluster.electionMs);
  });
});
