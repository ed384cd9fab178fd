import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child, type Result } from '../../child.js';
import { CLUSTER_KIND, Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { confetctl, eventually } from '../../daemon.js';
import { peer } from '../../peers.js';

describe.skipIf(peer('etcdctl') === undefined)(
  'etcdctl on a cluster: any member will do',
  { timeout: PATIENCE_MS },
  () => {
    let cluster: Cluster;
    let leader: ClusterMember;
    let one: ClusterMember;
    let two: ClusterMember;
    const going: Child[] = [];
    beforeAll(async () => {
      cluster = await Cluster.start();
      await find();
      // They tell each other their names once they have a leader.
      await eventually(async () => expect(await ctl(leader, 'member', 'list')).not.toContain('unstarted'), {
        timeoutMs: 20_000,
      });
    });
    afterAll(async () => {
      await Promise.all(going.map((child) => child.end('SIGKILL')));
      await cluster?.close();
    });

    async function find(): Promise<void> {
      leader = await cluster.settled();
      [one, two] = cluster.others(leader) as [ClusterMember, ClusterMember];
    }

    /** Standard output, where it must succeed. */
    async function ctl(by: ClusterMember, ...args: readonly string[]): Promise<string> {
      return succeeded(await cluster.etcdctl(args, [by]), args);
    }

    function succeeded({ code, stdout, stderr }: Result, args: readonly string[]): string {
      if (code !== 0)
        throw new Error(`etcdctl ${args.join(' ')}: exit ${code}\n${stdout}${stderr}\n${cluster.output}`);
      return stdout;
    }

    function start(by: ClusterMember, ...args: readonly string[]): Child {
      const child = new Child(peer('etcdctl') ?? 'etcdctl', ['--endpoints', by.endpoint, ...args], {
        env: { ETCDCTL_API: '3' },
      });
      going.push(child);
      return child;
    }

    test('what is put through one is read through all, at once', async () => {
      for (const by of cluster.members) {
        expect(await ctl(by, 'put', 'shared', by.name)).toBe('OK\n');
        for (const reader of cluster.members)
          expect(await ctl(reader, 'get', 'shared')).toBe(`shared\n${by.name}\n`);
      }
    });

    test('member list is the same everywhere, and what confetctl prints', async () => {
      const lists = await Promise.all(cluster.members.map((by) => ctl(by, 'member', 'list')));
      expect(new Set(lists).size).toBe(1);
      const lines = lists[0]?.trimEnd().split('\n') ?? [];
      expect(lines.map((line) => line.split(', ').slice(1))).toEqual(
        expect.arrayContaining(
          cluster.members.map(({ name, peerUrl, endpoint }) => [
            'started',
            name,
            peerUrl,
            `http://${endpoint}`,
            'false',
          ]),
        ),
      );
      const { stdout } = await confetctl(['--endpoints', one.endpoint, 'member', 'list']);
      expect(stdout).toBe(lists[0]);
    });

    test('endpoint status --cluster: one leader, one term, the same revision', async () => {
      for (const run of [
        () => cluster.etcdctl(['endpoint', 'status', '--cluster', '-w', 'json'], [two]),
        () => confetctl(['--endpoints', two.endpoint, 'endpoint', 'status', '--cluster', '-w', 'json']),
      ]) {
        const states = await eventually(async () => {
          const text = succeeded(await run(), ['endpoint', 'status', '--cluster']);
          // IDs are beyond what JSON.parse keeps exact.
          const all = JSON.parse(text.replaceAll(/"(leader|member_id|cluster_id)":(\d+)/g, '"$1":"$2"'));
          if (new Set(all.map(({ Status }: State) => Status.header.revision)).size !== 1)
            throw new Error('not yet');
          return all as State[];
        });
        expect(states.length).toBe(3);
        expect(new Set(states.map(({ Status }) => `${Status.leader} ${Status.raftTerm}`)).size).toBe(1);
        const leading = states.filter(({ Status }) => Status.leader === Status.header.member_id);
        expect(leading.map(({ Endpoint }) => Endpoint)).toEqual([`http://${leader.endpoint}`]);
      }
    });

    test('endpoint health --cluster, endpoint hashkv --cluster', async () => {
      for (const result of [
        await cluster.etcdctl(['endpoint', 'health', '--cluster'], [one]),
        await confetctl(['--endpoints', one.endpoint, 'endpoint', 'health', '--cluster']),
      ]) {
        expect(result.code).toBe(0);
        expect(
          `${result.stdout}${result.stderr}`.match(/ is healthy: successfully committed proposal/g)?.length,
        ).toBe(3);
      }
      const hashes = (await ctl(one, 'endpoint', 'hashkv', '--cluster')).trimEnd().split('\n');
      expect(hashes.length).toBe(3);
      expect(new Set(hashes.map((line) => line.split(', ')[1])).size).toBe(1);
    });

    test('a lease granted through one is renewed, told and revoked through the others', async () => {
      const id =
        /^lease ([0-9a-f]+) granted with TTL\(60s\)/.exec(await ctl(one, 'lease', 'grant', '60'))?.[1] ?? '';
      await ctl(two, 'put', 'leased', 'x', '--lease', id);
      expect(await ctl(two, 'lease', 'keep-alive', '--once', id)).toBe(
        `lease ${id} keepalived with TTL(60)\n`,
      );
      for (const by of cluster.members) {
        expect(await ctl(by, 'lease', 'timetolive', id, '--keys')).toMatch(
          /granted with TTL\(60s\), remaining\((5\d|60)s\), attached keys\(\[leased\]\)/,
        );
        expect(await ctl(by, 'lease', 'list')).toContain(id);
      }
      await ctl(two, 'lease', 'revoke', id);
      expect(await ctl(leader, 'get', 'leased')).toBe('');
      for (const by of cluster.members) {
        expect(await ctl(by, 'lease', 'timetolive', id)).toBe(`lease ${id} already expired\n`);
      }
    });

    test('a watch through a follower tells what is put through the others', async () => {
      const watch = start(one, 'watch', '--prefix', 'watched/');
      await eventually(async () => {
        await ctl(two, 'put', 'watched/a', '1');
        await watch.printed('PUT\nwatched/a\n1\n', 300);
      });
      await ctl(leader, 'put', 'watched/b', '2');
      await watch.printed('PUT\nwatched/b\n2\n');
      await ctl(two, 'del', 'watched/b');
      await watch.printed('DELETE\nwatched/b\n');
    });

    test('a lock held through one member is waited for through another', async () => {
      const first = start(one, 'lock', 'mutex');
      await first.printed(/^mutex\/[0-9a-f]+\n/);
      const second = start(two, 'lock', 'mutex');
      await eventually(async () => {
        const waiting = (await ctl(leader, 'get', '--prefix', '--keys-only', 'mutex/')).match(
          /mutex/g,
        )?.length;
        if (waiting !== 2) throw new Error('it hasn’t come yet');
      });
      expect(second.stdout).toBe('');
      await first.end('SIGINT');
      await second.printed(/^mutex\/[0-9a-f]+\n/);
    });

    test('a compaction through a follower is everybody’s', async () => {
      const { header } = JSON.parse(await ctl(one, 'put', 'compacted', '1', '-w', 'json'));
      await ctl(one, 'put', 'compacted', '2');
      expect(await ctl(one, 'compact', String(header.revision + 1))).toContain('compacted revision');
      for (const by of cluster.members) {
        await eventually(async () => {
          const { code, stderr } = await cluster.etcdctl(
            ['get', 'compacted', '--rev', String(header.revision)],
            [by],
          );
          if (code === 0) throw new Error(`${by.name} has it still`);
          expect(stderr).toContain('required revision has been compacted');
        });
      }
    });

    test('move-leader: to whom it was told, in the next term, and only by the leader', async () => {
      const id = async (member: ClusterMember): Promise<string> =>
        (await cluster.idOf(member, member)).toString(16);
      const refused = await cluster.etcdctl(['move-leader', await id(two)], [one]);
      expect([refused.code, refused.stderr]).toEqual([
        expect.any(Number),
        expect.stringContaining('no leader endpoint'),
      ]);
      expect(refused.code).not.toBe(0);
      const { raftTerm } = await leader.status();
      expect(await ctl(leader, 'move-leader', await id(two))).toBe(
        `Leadership transferred from ${await id(leader)} to ${await id(two)}\n`,
      );
      expect(await cluster.settled()).toBe(two);
      expect((await two.status()).raftTerm).toBe(raftTerm + 1);
      await find();
    });

    test('a learner is added, catches up, serves no reads, is promoted and removed', async () => {
      await ctl(one, 'put', 'shared', 'before the fourth');
      const learner = await cluster.make('m4');
      const added = await eventually(
        () => ctl(one, 'member', 'add', 'm4', '--learner', '--peer-urls', learner.peerUrl),
        { timeoutMs: 20_000 },
      );
      // Padded with blanks where an ID begins with zeros.
      const id = /^Member +([0-9a-f]+) added to cluster/.exec(added)?.[1] ?? '';
      learner.start('existing');
      await learner.ready();
      // Its name comes a moment after it: it tells it to the cluster once it has a leader.
      const line = `${id}, started, m4, ${learner.peerUrl}, http://${learner.endpoint}, true\n`;
      await eventually(async () => expect(await ctl(two, 'member', 'list')).toContain(line));
      const read = await cluster.etcdctl(['get', 'shared'], [learner]);
      expect([read.code, read.stderr]).toEqual([1, expect.stringContaining('rpc not supported for learner')]);
      expect(await ctl(learner, 'get', 'shared', '--consistency', 's')).toContain('shared\n');
      // Refused until it is in sync.
      expect(await eventually(() => ctl(one, 'member', 'promote', id))).toMatch(
        new RegExp(`^Member +${id} promoted in cluster`),
      );
      expect(await ctl(learner, 'get', 'shared')).toContain('shared\n');
      expect(await ctl(learner, 'put', 'shared', 'by the fourth')).toBe('OK\n');
      expect(await ctl(leader, 'get', 'shared')).toBe('shared\nby the fourth\n');
      expect(await eventually(() => ctl(one, 'member', 'remove', id), { timeoutMs: 20_000 })).toMatch(
        new RegExp(`^Member +${id} removed from cluster`),
      );
      const { code } = (await learner.process?.exited) ?? {};
      if (CLUSTER_KIND === 'confetd')
        expect([code, learner.process?.output]).toEqual([
          expect.any(Number),
          expect.stringMatching(/removed/),
        ]);
      expect(await ctl(one, 'member', 'list')).not.toContain('m4');
      cluster.forget(learner);
    });
  },
);

interface State {
  readonly Endpoint: string;
  readonly Status: {
    readonly header: { readonly member_id: string; readonly revision: number };
    readonly leader: string;
    readonly raftTerm: number;
  };
}
