import { rmSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { ClusterService } from '../../../src/proto/generated/etcd_rpc.js';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { eventually } from '../../daemon.js';
import { peer } from '../../peers.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

describe('members that come and go', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('a dead leader replaced by an empty member; with its old data it can’t come back', async () => {
    cluster = await Cluster.start();
    const workload = await new Workload(cluster).start();
    const dead = await cluster.leader();
    await dead.kill();
    const leader = await cluster.settled();
    await workload.writes(100);
    await cluster.remove(dead, leader);
    const added = await cluster.add('m4', leader);
    added.start('existing');
    await added.ready();
    await workload.writes(200);
    if (peer('etcdctl') !== undefined) {
      const { stdout } = await cluster.etcdctl(['member', 'list']);
      const started = stdout.split('\n').filter((line) => line.includes(', started, '));
      const names = started.map((line) => line.split(', ')[2]);
      expect(new Set(names)).toEqual(new Set(cluster.members.map(({ name }) => name)));
    }
    await cluster.settled();
    await workload.stop();
    await verify('a member replaced', cluster, workload);

    const back = dead.start('existing');
    await back.exited;
    // etcd says so at a level below what it is asked to print here.
    if (cluster.kind === 'confetd') expect(back.output).toMatch(/removed/i);
    expect(back.output).not.toContain('Node.js v');
    expect(await cluster.settled()).toBeDefined();
  });

  test.skipIf(CLUSTER_KIND === 'etcd')(
    'a learner may come before the dead leader goes, and then takes its place (etcd refuses it)',
    async () => {
      cluster = await Cluster.start();
      const workload = await new Workload(cluster).start();
      const dead = await cluster.leader();
      await dead.kill();
      const leader = await cluster.settled();
      await workload.writes(100);
      const added = await cluster.add('m4', leader, true);
      added.start('existing');
      await cluster.remove(dead, leader);
      const ID = await eventually(() => cluster.idOf(added, leader), { timeoutMs: 20_000 });
      await eventually(() => leader.ask(ClusterService.memberPromote, { ID }), { timeoutMs: 20_000 });
      await added.ready();
      await workload.writes(100);
      await cluster.settled();
      await workload.stop();
      await verify('a member replaced by way of a learner', cluster, workload);
    },
  );

  test('a wiped member that is started as new is refused: it might vote twice', async () => {
    cluster = await Cluster.start();
    const [wiped] = cluster.others(await cluster.leader()) as [ClusterMember, ClusterMember];
    await refused(wiped, 'new', /has already been bootstrapped/);
  });

  test.skipIf(CLUSTER_KIND === 'etcd')(
    'so is one that is started as existing (etcd lets it vote again)',
    async () => {
      cluster = await Cluster.start();
      const [wiped] = cluster.others(await cluster.leader()) as [ClusterMember, ClusterMember];
      await refused(wiped, 'existing', /bootstrapped|another data folder|member remove/i);
    },
  );

  /** With a sentence and a failure, and without harm to the others. */
  async function refused(member: ClusterMember, state: 'new' | 'existing', sentence: RegExp): Promise<void> {
    await member.kill();
    rmSync(member.dataDir, { recursive: true });
    const child = member.start(state);
    const { code } = await child.exited;
    expect(child.output).toMatch(sentence);
    expect(child.output).not.toContain('Node.js v');
    expect(code).toBeGreaterThan(0);
    expect(cluster.others(member)).toContain(await cluster.settled());
  }
});
