import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EtcdCluster } from '../../etcd-cluster.js';
import { peer, peers } from '../../peers.js';
import { Harness } from '../api/harness.js';
import { confetctl, program, type Run } from './harness.js';

const FORMATS = ['simple', 'json', 'fields', 'table', 'protobuf'];

/** What fails before anything is asked of a server, or is refused by it. */
const FAILURES: readonly string[] = [
  'member add',
  'member add x',
  'member add x y --peer-urls=http://127.0.0.1:1',
  'member add x --peer-urls=nonsense',
  'member add x --peer-urls=http://127.0.0.1/x',
  'member add x --peer-urls=http://127.0.0.1:1/x',
  'member add x --peer-urls=http://127.0.0.1:1,',
  'member remove',
  'member remove zz',
  'member remove 1 2',
  'member remove 11112222333344445',
  'member remove 1',
  'member update',
  'member update zz',
  'member update 1',
  'member update 1 --peer-urls=foo',
  'member update 1 --peer-urls=http://127.0.0.1:1',
  'member promote',
  'member promote zz',
  'member promote 1',
  'member promote {MEMBER}',
  'move-leader',
  'move-leader zz',
  'move-leader 1 2',
  'move-leader 1',
];

describe.skipIf(!peers('etcd', 'etcdctl'))('against a real etcd of three members, as etcdctl', () => {
  let cluster: EtcdCluster;
  let endpoints: string;
  let port = 10_000;
  const env = () => ({ ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoints });
  const etcdctl = (...argv: readonly string[]) => program(peer('etcdctl') ?? '', argv, '', env());
  const ours = (...argv: readonly string[]) => confetctl(argv, '', env());
  const both = [etcdctl, ours] as const;

  beforeAll(async () => {
    cluster = await EtcdCluster.start();
    // One, so that the same member answers both; the leader, so that it can be moved.
    endpoints = await leader();
    // An etcd adds nobody before its members have been connected for five seconds.
    for (const until = Date.now() + 20_000; Date.now() < until; ) {
      const run = await etcdctl('member', 'add', 'probe', '--peer-urls=http://127.0.0.1:9', '--learner');
      if (run.exitCode === 0) break;
      await new Promise((wake) => setTimeout(wake, 200));
    }
    await etcdctl('member', 'remove', await idOf('http://127.0.0.1:9'));
  }, 60_000);
  afterAll(() => cluster?.stop());

  async function list(): Promise<string[][]> {
    const { stdout } = await etcdctl('member', 'list');
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split(', '));
  }

  /** Of the member with this peer URL, or this client URL. */
  async function idOf(url: string): Promise<string> {
    const row = (await list()).find((cells) => cells.slice(3, 5).some((cell) => cell.includes(url)));
    if (row?.[0] === undefined) throw new Error(`no member has ${url}`);
    return row[0];
  }

  async function leader(): Promise<string> {
    for (const { endpoint } of cluster.members) {
      const run = await confetctl(['--endpoints', endpoint, 'endpoint', 'status']);
      if (run.stdout.split(', ')[4] === 'true') return endpoint;
    }
    throw new Error('nobody leads');
  }

  test.each(FAILURES)('%s', async (line) => {
    const [member] = await list();
    const words = line.replace('{MEMBER}', member?.[0] ?? '').split(' ');
    const [theirs, mine] = [await etcdctl(...words), await ours(...words)];
    expect(mine.exitCode).toBe(theirs.exitCode);
    expect(mine.stdout).toBe(theirs.stdout);
    expect(complaint(mine)).toBe(complaint(theirs));
    expect(theirs.exitCode).toBeGreaterThan(0);
  });

  test.each(FORMATS)('adding, updating and removing a member in format %s', async (format) => {
    const runs: Run[][] = [];
    for (const ctl of both) {
      // Another URL each time: the same one within a second makes an ID that was removed.
      const url = `http://127.0.0.1:${port++}`;
      const other = `http://127.0.0.1:${port++}`;
      const added = await ctl('member', 'add', 'x"y', `--peer-urls=${url}`, '--learner', '-w', format);
      const id = await idOf(url);
      const updated = await ctl('member', 'update', id, `--peer-urls=${other},${url}`, '-w', format);
      const promoted = await ctl('member', 'promote', id, '-w', format);
      const removed = await ctl('member', 'remove', id, '-w', format);
      runs.push([added, updated, promoted, removed].map((run) => normalised(run, id, [url, other], format)));
    }
    expect(runs[1]).toEqual(runs[0]);
  });

  test.each(FORMATS)('the members and what their endpoints say, in format %s', async (format) => {
    for (const words of [
      ['member', 'list'],
      ['endpoint', 'status', '--cluster'],
      ['endpoint', 'hashkv', '--cluster'],
    ]) {
      const argv = [...words, '-w', format];
      const [theirs, mine] = [await etcdctl(...argv), await ours(...argv)];
      expect([mine.exitCode, mine.stdout], argv.join(' ')).toEqual([theirs.exitCode, theirs.stdout]);
    }
    const health = ['endpoint', 'health', '--cluster', '-w', format];
    const [theirs, mine] = [await etcdctl(...health), await ours(...health)];
    expect(withoutTimes(mine)).toEqual(withoutTimes(theirs));
  });

  test.each(['simple', 'json', 'protobuf'])('the leader moves, in format %s', async (format) => {
    const runs: unknown[] = [];
    for (const ctl of both) {
      endpoints = await leader();
      const from = await idOf(endpoints);
      const to = await idOf(cluster.endpoints.find((endpoint) => endpoint !== endpoints) ?? '');
      const { exitCode, stdout, stderr } = await ctl('move-leader', to, '-w', format);
      expect(await leader()).not.toBe(endpoints);
      runs.push({ exitCode, stdout: stdout.replace(from, 'FROM').replace(to, 'TO'), stderr });
    }
    expect(runs[1]).toEqual(runs[0]);
  });

  test('the leader is found where none of the endpoints leads', async () => {
    const leading = await leader();
    const [follower = '', another = ''] = cluster.endpoints.filter((endpoint) => endpoint !== leading);
    const from = await idOf(leading);
    const to = await idOf(another);
    const { stdout } = await confetctl(['--endpoints', follower, 'move-leader', to]);
    expect(stdout).toBe(`Leadership transferred from ${from} to ${to}\n`);
    expect(await leader()).toBe(another);
  });
});

/** Without etcdctl's own log, and the usage that goes with what it can't parse. */
function complaint({ stderr }: Run): string {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('Error:'))
    .join('\n');
}

function normalised(run: Run, id: string, urls: readonly string[], format: string): Run {
  if (format === 'protobuf') {
    // The ID may be a byte longer, and so is what holds it: sizes without it are compared.
    const varint = varintOf(BigInt(`0x${id}`));
    return { ...run, stdout: String(run.stdout.replaceAll(varint, '').length), stderr: complaint(run) };
  }
  const decimal = BigInt(`0x${id}`).toString();
  const neutral = (text: string): string => {
    const named = text.replaceAll(id, 'ID').replaceAll(decimal, 'ID');
    return urls.reduce((all, url, at) => all.replaceAll(url, `URL${at}`), named);
  };
  // Members come in the order of their IDs, and the new one's may be any.
  const order = (text: string): string =>
    neutral(text)
      .split(/(?:[,{}]|\s|(?<==)"|"(?=\s))+/)
      .sort()
      .join('\n');
  return { exitCode: run.exitCode, stdout: order(run.stdout), stderr: complaint(run) };
}

function varintOf(value: bigint): string {
  let text = '';
  for (let rest = value; rest > 0n; rest >>= 7n) {
    text += String.fromCharCode(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
  }
  return text;
}

function withoutTimes({ exitCode, stdout, stderr }: Run) {
  const text = `${stdout}${stderr}`.replace(/[\d.]+[mµ]?s/g, 'TIME').replace(/[ -]+/g, ' ');
  return {
    exitCode,
    lines: text
      .split(/\n|(?<=\}),/)
      .map((line) => line.replace(/[[\]]/g, ''))
      .sort(),
  };
}

describe('against our own API', () => {
  let harness: Harness;
  const run = (...argv: readonly string[]) =>
    confetctl(['--endpoints', `127.0.0.1:${harness.port}`, ...argv]);
  beforeAll(async () => {
    harness = await Harness.start();
  });
  afterAll(() => harness?.stop());

  test('a member is added, and told how to be started', async () => {
    const { stdout } = await run('member', 'add', 'b', '--peer-urls=http://10.0.0.2:2380', '--learner');
    expect(stdout).toBe(
      [
        'Member 8e9e05c52164694e added to cluster cdf818194e3a8c32',
        '',
        'ETCD_NAME="b"',
        'ETCD_INITIAL_CLUSTER="default=http://localhost:2380,b=http://10.0.0.2:2380"',
        'ETCD_INITIAL_ADVERTISE_PEER_URLS="http://10.0.0.2:2380"',
        'ETCD_INITIAL_CLUSTER_STATE="existing"',
        '',
      ].join('\n'),
    );
  });

  test('a member that nobody has started can’t be named, so it is left out of what to start with', async () => {
    harness.member.members.push({
      ID: 3n,
      name: '',
      peerURLs: ['http://x:1'],
      clientURLs: [],
      isLearner: false,
    });
    const { stdout } = await run('member', 'add', 'd', '--peer-urls=http://10.0.0.4:2380');
    expect(stdout).toContain('ETCD_INITIAL_CLUSTER="default=http://localhost:2380,d=http://10.0.0.4:2380"');
  });

  test('promoted, updated and removed, with IDs padded as etcdctl does', async () => {
    harness.member.members.push({ ID: 7n, name: 'c', peerURLs: [], clientURLs: [], isLearner: true });
    const id = '               7';
    const cluster = 'cluster cdf818194e3a8c32';
    expect((await run('member', 'promote', '7')).stdout).toBe(`Member ${id} promoted in ${cluster}\n`);
    expect((await run('member', 'update', '7', '--peer-urls=http://y:1')).stdout).toBe(
      `Member ${id} updated in ${cluster}\n`,
    );
    expect((await run('member', 'remove', '7')).stdout).toBe(`Member ${id} removed from ${cluster}\n`);
    expect(await run('member', 'remove', '7')).toMatchObject({
      exitCode: 1,
      stderr: 'Error: etcdserver: member not found\n',
    });
  });

  test('where nobody leads, moving the leader says which endpoints were asked', async () => {
    harness.member.leader = 0n;
    const { exitCode, stderr } = await run('move-leader', '7');
    harness.member.leader = harness.member.identity.memberId;
    expect(exitCode).toBe(128);
    expect(stderr).toBe(`Error: no leader endpoint given at [127.0.0.1:${harness.port}]\n`);
  });
});
