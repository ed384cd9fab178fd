import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';

describe.skipIf(CLUSTER_KIND === 'etcd')('members that don’t belong', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  let stranger: ClusterMember;
  let flags: readonly string[] = [];
  beforeAll(async () => {
    cluster = await Cluster.start({ args: (name) => (name === 'stranger' ? flags : []) });
    stranger = await cluster.make('stranger');
  });
  afterAll(() => cluster?.close());

  /** It ends with a failure and the sentence; the three have the leader and the term that they had. */
  async function refused(
    state: 'new' | 'existing',
    given: readonly string[],
    sentence: RegExp,
  ): Promise<void> {
    const three = cluster.others(stranger);
    const leader = await cluster.settled(three);
    const { raftTerm } = await leader.status();
    flags = given;
    const child = stranger.start(state);
    const { code } = await child.exited;
    expect(child.output).toMatch(sentence);
    expect(child.output).not.toContain('Node.js v');
    expect(code).toBeGreaterThan(0);
    rmSync(stranger.dataDir, { recursive: true, force: true });
    expect(await cluster.settled(three)).toBe(leader);
    expect((await leader.status()).raftTerm).toBe(raftTerm);
  }

  const named = (...members: readonly ClusterMember[]): string =>
    members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');

  test('--initial-cluster doesn’t name it', async () => {
    const without = named(...cluster.others(stranger));
    await refused('new', ['--initial-cluster', without], /--initial-cluster/);
  });

  test('it was never added', async () => {
    await refused('existing', [], /member add|not a member|--initial-cluster/);
  });

  test('it comes with the token of another cluster', async () => {
    const [first, second] = cluster.others(stranger) as [ClusterMember, ClusterMember];
    const all = `${named(first, second)},stranger=${stranger.peerUrl}`;
    await refused(
      'existing',
      ['--initial-cluster-token', 'another', '--initial-cluster', all],
      /token|cluster/,
    );
  });
});
