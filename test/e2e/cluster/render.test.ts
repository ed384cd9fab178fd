import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { KVService } from '../../../src/proto/generated/etcd_rpc.js';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { put } from '../../conformance/rpc.js';
import { fileThat, scratch, writeFiles } from '../../daemon.js';

/** A host's own conf.d and where its file goes. */
function host(): { confdir: string; file: string } {
  const folder = scratch();
  const file = join(folder, 'out/hosts.conf');
  writeFiles(folder, {
    'conf.d/hosts.toml': `[template]\nsrc = "hosts.conf.hbs"\ndest = "${file}"\ncreate_dest_dirs = true\nkeys = ["/hosts"]\n`,
    'templates/hosts.conf.hbs': '{{#each (gets "/hosts/*")}}{{key}}={{value}}\n{{/each}}',
  });
  return { confdir: folder, file };
}

describe.skipIf(CLUSTER_KIND === 'etcd')('renderers in a cluster', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('a put through one changes all three hosts’ files, also without the first leader, which catches up', async () => {
    const hosts = new Map(['m1', 'm2', 'm3'].map((name) => [name, host()]));
    cluster = await Cluster.start({
      renders: true,
      args: (name) => ['--confdir', hosts.get(name)?.confdir ?? ''],
    });
    const files = (members: readonly ClusterMember[], has: string): Promise<string[]> =>
      Promise.all(
        members.map(({ name, process }) =>
          fileThat(hosts.get(name)?.file ?? '', (text) => text.includes(has), {
            what: () => `${name}:\n${process?.output ?? ''}`,
          }),
        ),
      );
    const leader = await cluster.leader();
    const [first, second] = cluster.others(leader) as [ClusterMember, ClusterMember];
    await first.ask(KVService.put, put('/hosts/a', '1'));
    expect(new Set(await files(cluster.members, '=1\n')).size).toBe(1);

    await leader.kill();
    await cluster.settled();
    await second.ask(KVService.put, put('/hosts/b', '2'));
    expect(new Set(await files([first, second], '=2\n')).size).toBe(1);
    await leader.restart();
    expect(new Set(await files(cluster.members, '=2\n')).size).toBe(1);
  });
});
