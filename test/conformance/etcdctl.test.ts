import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../peers.js';
import { CLUSTER_ID, etcdctl, KINDS, MEMBER_ID, output, type Server, startServer } from './servers.js';

const IDS = `"cluster_id":${CLUSTER_ID},"member_id":${MEMBER_ID}`;

/** Stock etcdctl reads and writes keys: every expectation holds for the real server, to the byte. */
describe.skipIf(peer('etcdctl') === undefined).each(KINDS)('etcdctl on %s: keys', (kind) => {
  let server: Server & { stop(): Promise<void> };
  const ctl = (...args: readonly string[]) => output(server, ...args);
  beforeAll(async () => {
    server = await startServer(kind);
  });
  afterAll(() => server?.stop());

  // The only one that knows the store's revision, so it goes first.
  test('a new store’s first put makes revision 2, as JSON with default identities', async () => {
    expect(await ctl('get', 'foo')).toBe('');
    expect(await ctl('put', 'foo', 'bar')).toBe('OK\n');
    expect(await ctl('get', 'foo', '-w', 'json')).toBe(
      `{"header":{${IDS},"revision":2,"raft_term":2},"kvs":[{"key":"Zm9v","create_revision":2,"mod_revision":2,"version":1,"value":"YmFy"}],"count":1}\n`,
    );
    expect(await ctl('get', 'foo', '-w', 'fields')).toBe(
      [
        `"ClusterID" : ${CLUSTER_ID}\n"MemberID" : ${MEMBER_ID}\n"Revision" : 2\n"RaftTerm" : 2\n`,
        '"Key" : "foo"\n"CreateRevision" : 2\n"ModRevision" : 2\n"Version" : 1\n"Value" : "bar"\n"Lease" : 0\n',
        '"More" : false\n"Count" : 1\n',
      ].join(''),
    );
    expect(await ctl('put', 'foo', 'Hello World', '--write-out=json')).toBe(
      `{"header":{${IDS},"revision":3,"raft_term":2}}\n`,
    );
    expect(await ctl('get', 'foo')).toBe('foo\nHello World\n');
    expect(await ctl('del', 'foo', '-w', 'json')).toBe(
      `{"header":{${IDS},"revision":4,"raft_term":2},"deleted":1}\n`,
    );
  });

  test('put and get; a missing key prints nothing', async () => {
    expect(await ctl('put', 'pg/foo', 'bar')).toBe('OK\n');
    expect(await ctl('get', 'pg/foo')).toBe('pg/foo\nbar\n');
    expect(await ctl('get', 'pg/foo', '--print-value-only')).toBe('bar\n');
    expect(await ctl('put', 'pg/foo', 'again', '--prev-kv')).toBe('OK\npg/foo\nbar\n');
    expect(await etcdctl(server, ['get', 'pg/nothing'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('table is no format of get, and says so', async () => {
    const { code, stderr } = await etcdctl(server, ['get', 'pg/foo', '-w', 'table']);
    expect([code, stderr]).toEqual([4, 'Error: table not supported as output format\n']);
  });

  test('the tutorial’s JSON without quotes arrives as the shell splits it', async () => {
    // etcdctl put json {"a": "b", "c": 1}: the shell takes the quotes and splits at blanks; etcdctl takes two words.
    expect(await ctl('put', 'json', '{a:', 'b,', 'c:', '1}')).toBe('OK\n');
    expect(await ctl('get', 'json')).toBe('json\n{a:\n');
    expect(await ctl('put', 'json', '{name:me,list:[1,2]}')).toBe('OK\n');
    expect(await ctl('get', 'json')).toBe('json\n{name:me,list:[1,2]}\n');
  });

  test('values of any bytes, from standard input or an argument', async () => {
    const text = 'line one\n\ttab "quotes" \\ ünï ☃\n';
    expect((await etcdctl(server, ['put', 'any'], { input: text })).stdout).toBe('OK\n');
    expect(await ctl('get', 'any', '--print-value-only')).toBe(`${text}\n`);
    expect(await ctl('put', 'empty', '')).toBe('OK\n');
    expect(await ctl('get', 'empty')).toBe('empty\n\n');
  });

  test('prefixes, in byte order', async () => {
    for (const key of [
      'node',
      'service',
      'service/b',
      'Service',
      'service/a',
      'n',
      'ü',
      'service.',
      'service0',
    ]) {
      await ctl('put', `/docker/${key}`, key);
    }
    const keys = async (...args: readonly string[]) =>
      (await ctl('get', '--keys-only', ...args)).split('\n').filter((line) => line !== '');
    const all = ['Service', 'n', 'node', 'service', 'service.', 'service/a', 'service/b', 'service0', 'ü'];
    expect(await keys('--prefix', '/docker')).toEqual(all.map((key) => `/docker/${key}`));
    expect(await keys('--prefix', '/docker/node')).toEqual(['/docker/node']);
    expect(await keys('--prefix', '/docker/service/')).toEqual(['/docker/service/a', '/docker/service/b']);
    expect(await keys('--prefix', '')).toEqual(expect.arrayContaining(['/docker/n', 'any', 'json']));
    expect(await keys('/docker/service/a', '/docker/service0')).toEqual([
      '/docker/service/a',
      '/docker/service/b',
    ]);
    expect(await keys('--prefix', '/docker', '--limit', '2', '--order', 'DESCEND')).toEqual([
      '/docker/ü',
      '/docker/service0',
    ]);
    expect((await keys('--from-key', '/docker/service0')).slice(0, 2)).toEqual([
      '/docker/service0',
      '/docker/ü',
    ]);
    expect(await ctl('get', '--prefix', '/docker/service/')).toBe(
      '/docker/service/a\nservice/a\n/docker/service/b\nservice/b\n',
    );
    const counted = JSON.parse(await ctl('get', '--prefix', '/docker', '--limit', '2', '-w', 'json'));
    expect([counted.count, counted.more, counted.kvs.length]).toEqual([9, true, 2]);
  });

  test('del says how many', async () => {
    for (const key of ['web1', 'web2', 'web3']) await ctl('put', key, 'x');
    expect(await ctl('get', 'web', '--prefix')).toBe('web1\nx\nweb2\nx\nweb3\nx\n');
    expect(await ctl('del', 'web')).toBe('0\n');
    expect(await ctl('del', 'web', '--prefix')).toBe('3\n');
    await ctl('put', 'one', 'first');
    expect(await ctl('del', 'one', '--prev-kv')).toBe('1\none\nfirst\n');
    expect(await ctl('get', 'one')).toBe('');
  });

  test('a trailing slash names another key; with --prefix both jobs', async () => {
    await ctl('put', '/project/jobs/a', '1');
    await ctl('put', '/project/jobs/b', '2');
    expect(await ctl('get', '/project/jobs/')).toBe('');
    expect(await ctl('get', '/project/jobs/', '--prefix')).toBe('/project/jobs/a\n1\n/project/jobs/b\n2\n');
    expect(await ctl('del', '/project/jobs/', '--prefix')).toBe('2\n');
  });

  test('txn: either branch, its responses in order', async () => {
    await ctl('put', 'balance', '10');
    const txn = async (input: string) => (await etcdctl(server, ['txn'], { input })).stdout;
    expect(
      await txn('val("balance") = "10"\n\nput balance 9\nget balance\ndel nothing\n\nget balance\n\n'),
    ).toBe('SUCCESS\n\nOK\n\nbalance\n9\n\n0\n');
    expect(await txn('val("balance") = "10"\nmod("balance") > "0"\n\nput balance 8\n\nget balance\n\n')).toBe(
      'FAILURE\n\nbalance\n9\n',
    );
    expect(await txn('ver("fresh") = "0"\n\nput fresh a\n\n\n')).toBe('SUCCESS\n\nOK\n');
    const twice = await etcdctl(server, ['txn'], { input: '\nput twice a\nput twice b\n\n\n' });
    expect([twice.code, twice.stderr.split('\n').at(-2)]).toEqual([
      1,
      'Error: etcdserver: duplicate key given in txn request',
    ]);
  });

  test('old revisions until they are compacted, and etcd’s errors', async () => {
    await ctl('put', 'hist', 'one');
    const { header } = JSON.parse(await ctl('put', 'hist', 'two', '-w', 'json'));
    expect(await ctl('get', 'hist', '--rev', String(header.revision - 1))).toBe('hist\none\n');
    await ctl('put', 'hist', 'three');
    expect(await ctl('compaction', String(header.revision))).toBe(`compacted revision ${header.revision}\n`);
    expect(await ctl('get', 'hist', '--rev', String(header.revision))).toBe('hist\ntwo\n');
    const error = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await etcdctl(server, args);
      return [code, stdout, stderr.split('\n').at(-2)];
    };
    const compacted = [1, '', 'Error: etcdserver: mvcc: required revision has been compacted'];
    expect(await error('get', 'hist', '--rev', String(header.revision - 1))).toEqual(compacted);
    expect(await error('compaction', String(header.revision))).toEqual(compacted);
    expect(await error('compact', '1')).toEqual(compacted);
    const future = [1, '', 'Error: etcdserver: mvcc: required revision is a future revision'];
    expect(await error('get', 'hist', '--rev', '1000000')).toEqual(future);
    expect(await error('compaction', '1000000')).toEqual(future);
    expect(await ctl('compaction', String(header.revision + 1), '--physical')).toBe(
      `compacted revision ${header.revision + 1}\n`,
    );
    expect(await error('put', '', 'x')).toEqual([1, '', 'Error: etcdserver: key is not provided']);
    expect(await error('put', 'hist/none', '--ignore-value')).toEqual([
      1,
      '',
      'Error: etcdserver: key not found',
    ]);
    expect(await error('put', 'hist', 'x', '--lease', '99')).toEqual([
      1,
      '',
      'Error: etcdserver: requested lease not found',
    ]);
  });
});
