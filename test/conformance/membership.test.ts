import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../cluster.js';
import type { ClusterMember } from '../cluster-member.js';
import { confetctl, eventually, runConfetd, scratch } from '../daemon.js';
import { peer } from '../peers.js';
import { KINDS } from './servers.js';

/** The tests of a cluster build on each other: it has three members, a fourth comes and goes. */
describe.skipIf(peer('etcdctl') === undefined).each(KINDS)(
  'etcdctl on three members of %s: changes of the membership',
  (kind) => {
    let cluster: Cluster;
    let clusterId = '';
    let fourth: ClusterMember;
    beforeAll(async () => {
      cluster = await Cluster.start({ kind, electionMs: 500 });
      const { header } = await (await cluster.leader()).status();
      clusterId = (header?.clusterId ?? 0n).toString(16);
      // No voter can be added before all have been connected for five seconds.
      await eventually(
        async () => {
          const { code } = await ctl('member', 'add', 'probe', '--peer-urls=http://127.0.0.1:9');
          if (code !== 0) throw new Error('unhealthy');
        },
        { timeoutMs: 20_000 },
      );
      await ctl('member', 'remove', await idAt('http://127.0.0.1:9'));
    }, 60_000);
    afterAll(() => cluster?.close());

    /** Through a follower: the leader decides all the same. */
    async function ctl(...args: readonly string[]) {
      const [follower] = cluster.others(await cluster.leader()).filter(({ running }) => running);
      const { code, stdout, stderr } = await cluster.etcdctl(args, follower === undefined ? [] : [follower]);
      const errors = stderr.split('\n').filter((line) => line.startsWith('Error:'));
      return { code, stdout, error: errors.join('\n') };
    }

    async function rows(): Promise<string[][]> {
      const { stdout } = await ctl('member', 'list');
      return stdout
        .trim()
        .split('\n')
        .map((line) => line.split(', '));
    }

    async function idAt(peerUrl: string): Promise<string> {
      const row = (await rows()).find((cells) => cells[3] === peerUrl);
      if (row?.[0] === undefined) throw new Error(`nobody at ${peerUrl}`);
      return row[0];
    }

    const refused = (sentence: string) => ({ code: 1, stdout: '', error: `Error: etcdserver: ${sentence}` });

    test('three members, started, with the URLs they were given', async () => {
      const listed = (await rows()).map(([, ...cells]) => cells);
      const expected = cluster.members.map(({ name, peerUrl, endpoint }) => [
        'started',
        name,
        peerUrl,
        `http://${endpoint}`,
        'false',
      ]);
      expect(new Set(listed.map(String))).toEqual(new Set(expected.map(String)));
    });

    test('what can’t be', async () => {
      const [one] = cluster.members;
      const taken = one?.peerUrl ?? '';
      const id = await idAt(taken);
      const other = cluster.members[1]?.peerUrl ?? '';
      expect(await ctl('member', 'add', 'x', `--peer-urls=${taken}`)).toEqual(
        refused('Peer URLs already exists'),
      );
      expect(await ctl('member', 'update', id, `--peer-urls=${other}`)).toEqual(
        refused('Peer URLs already exists'),
      );
      expect(await ctl('member', 'promote', id)).toEqual(refused('can only promote a learner member'));
      for (const words of [
        ['remove', 'abc'],
        ['promote', 'abc'],
        ['update', 'abc', '--peer-urls=http://x:1'],
      ])
        expect(await ctl('member', ...words)).toEqual(refused('member not found'));
    });

    test('a learner is added, one at most, and not promoted before it has caught up', async () => {
      fourth = await cluster.make('m4');
      const { code, stdout } = await ctl('member', 'add', 'm4', `--peer-urls=${fourth.peerUrl}`, '--learner');
      expect(code).toBe(0);
      const id = await idAt(fourth.peerUrl);
      const [added, blank, name, initial, urls, state, end] = stdout.split('\n');
      expect([added, blank, name, urls, state, end]).toEqual([
        `Member ${id.padStart(16)} added to cluster ${clusterId.padStart(16)}`,
        '',
        'ETCD_NAME="m4"',
        `ETCD_INITIAL_ADVERTISE_PEER_URLS="${fourth.peerUrl}"`,
        'ETCD_INITIAL_CLUSTER_STATE="existing"',
        '',
      ]);
      const members = /^ETCD_INITIAL_CLUSTER="(.*)"$/.exec(initial ?? '')?.[1]?.split(',');
      expect(new Set(members)).toEqual(new Set(cluster.initialCluster.split(',')));
      expect(await rows()).toContainEqual([id, 'unstarted', '', fourth.peerUrl, '', 'true']);
      expect(await ctl('member', 'add', 'm5', '--peer-urls=http://127.0.0.1:8', '--learner')).toEqual(
        refused('too many learner members in cluster'),
      );
      expect(await ctl('member', 'promote', id)).toEqual(
        refused('can only promote a learner member which is in sync with leader'),
      );
    });

    test('a learner serves its status and local reads alone', async () => {
      fourth.start('existing');
      await fourth.ready();
      const status = await cluster.etcdctl(['endpoint', 'status'], [fourth]);
      expect(status.stdout.split(', ')[5]).toBe('true');
      await ctl('put', 'k', 'v');
      const local = await eventually(async () => {
        const { stdout } = await cluster.etcdctl(['get', 'k', '--consistency=s'], [fourth]);
        if (stdout === '') throw new Error('not yet');
        return stdout;
      });
      expect(local).toBe('k\nv\n');
      for (const words of [
        ['get', 'k'],
        ['put', 'k', 'w'],
        ['member', 'list'],
      ]) {
        const { code, stderr } = await cluster.etcdctl(words, [fourth]);
        expect(code).toBe(1);
        expect(stderr).toContain('etcdserver: rpc not supported for learner');
      }
    });

    test('a learner that has caught up is promoted', async () => {
      const id = await idAt(fourth.peerUrl);
      const promoted = await eventually(
        async () => {
          const run = await ctl('member', 'promote', id);
          if (run.code !== 0) throw new Error(run.error);
          return run;
        },
        { timeoutMs: 20_000 },
      );
      expect(promoted.stdout).toBe(
        `Member ${id.padStart(16)} promoted in cluster ${clusterId.padStart(16)}\n`,
      );
      // It makes itself known by the log, as the others hear of it when they apply that.
      await eventually(async () => {
        const row = [id, 'started', 'm4', fourth.peerUrl, `http://${fourth.endpoint}`, 'false'];
        expect(await rows()).toContainEqual(row);
      });
      await eventually(async () => {
        const { stdout } = await cluster.etcdctl(['get', 'k'], [fourth]);
        if (stdout !== 'k\nv\n') throw new Error('not yet');
      });
    });

    test('endpoint status and health of the whole cluster, asked of one', async () => {
      const status = (await ctl('endpoint', 'status', '--cluster')).stdout.trim().split('\n');
      expect(status).toHaveLength(4);
      expect(status.filter((line) => line.split(', ')[4] === 'true')).toHaveLength(1);
      const [follower] = cluster.others(await cluster.leader());
      const health = await cluster.etcdctl(['endpoint', 'health', '--cluster'], follower && [follower]);
      expect(health.code).toBe(0);
      expect(`${health.stdout}${health.stderr}`.match(/ is healthy: /g)).toHaveLength(4);
    });

    test('the leader moves to another, and not to nobody', async () => {
      const leader = await cluster.leader();
      const from = await idAt(leader.peerUrl);
      const [target = leader] = cluster.others(leader);
      const to = await idAt(target.peerUrl);
      const moved = await cluster.etcdctl(['move-leader', to]);
      expect(moved).toMatchObject({
        code: 0,
        stdout: `Leadership transferred from ${from} to ${to}\n`,
      });
      expect((await cluster.leader()).name).toBe(target.name);
      const { code, stderr } = await cluster.etcdctl(['move-leader', 'abc']);
      expect(code).toBe(1);
      expect(stderr).toContain('Error: etcdserver: bad leader transferee');
    });

    test('a removed member stops, and is not known any more', async () => {
      const id = await idAt(fourth.peerUrl);
      const process = fourth.process;
      cluster.forget(fourth);
      const removed = await eventually(
        async () => {
          const run = await ctl('member', 'remove', id);
          if (run.code !== 0) throw new Error(run.error);
          return run;
        },
        { timeoutMs: 20_000 },
      );
      expect(removed.stdout).toBe(
        `Member ${id.padStart(16)} removed from cluster ${clusterId.padStart(16)}\n`,
      );
      expect(await rows()).toHaveLength(3);
      await process?.exited;
      if (kind === 'confetd') expect(process?.output).toContain('was removed from the cluster');
      expect(await ctl('member', 'remove', id)).toEqual(refused('member not found'));
      await fourth.close();
    });

    describe.runIf(kind === 'confetd')('ours, with flags that don’t fit', () => {
      /** A process of its own that is to refuse: what it prints. */
      async function attempt(name: string, initialCluster: string, ...args: readonly string[]) {
        const url = 'http://127.0.0.1:9';
        const run = await runConfetd(
          [
            ...['--name', name, '--data-dir', `${scratch()}/data`, '--no-render'],
            ...[
              '--listen-client-urls',
              'http://127.0.0.1:0',
              '--advertise-client-urls',
              'http://127.0.0.1:0',
            ],
            ...['--listen-peer-urls', 'http://127.0.0.1:0', '--initial-advertise-peer-urls', url],
            ...['--initial-cluster', initialCluster, '--initial-cluster-token', 'cluster-of-a-test'],
            ...args,
          ],
          { timeoutMs: 25_000 },
        );
        expect(run.code).toBeGreaterThan(0);
        return `${run.stdout}${run.stderr}`;
      }

      test('an --initial-cluster that does not name the member', async () => {
        expect(await attempt('m9', cluster.initialCluster)).toContain('add m9=http://127.0.0.1:9 to it');
      });

      test('a new member where the others are another cluster', async () => {
        const text = await attempt('m9', `${cluster.initialCluster},m9=http://127.0.0.1:9`);
        expect(text).toMatch(new RegExp(`belongs to cluster ${clusterId}.*--initial-cluster-token`));
      });

      test('one that joins and was not added', async () => {
        const text = await attempt(
          'm9',
          `${cluster.initialCluster},m9=http://127.0.0.1:9`,
          '--initial-cluster-state=existing',
        );
        expect(text).toContain('member count is unequal');
        expect(text).toContain('confetctl member add m9 --peer-urls=http://127.0.0.1:9');
      });

      test('confetctl prints what etcdctl printed', async () => {
        const [follower] = cluster.others(await cluster.leader());
        const list = await confetctl(['--endpoints', follower?.endpoint ?? '', 'member', 'list']);
        expect(list.stdout).toBe((await ctl('member', 'list')).stdout);
      });
    });
  },
);
