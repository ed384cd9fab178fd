import { expect, test } from 'vitest';
import { bootstrapEntries, parseInitialCluster } from '../../../src/cluster/bootstrap.js';
import { formatId } from '../../../src/cluster/identity.js';
import { MemberChange, MemberChange_Kind } from '../../../src/proto/generated/member.js';
import { ConfChange } from '../../../src/proto/generated/raft.js';

const three = 'a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380';

function parse(name: string, url: string, initialCluster = three) {
  return parseInitialCluster({ initialCluster, token: 'etcd-cluster', name, advertisePeerUrls: [url] });
}

test('the default cluster is etcd’s', () => {
  const cluster = parse('default', 'http://localhost:2380', 'default=http://localhost:2380');
  expect(formatId(cluster.clusterId)).toBe('cdf818194e3a8c32');
  expect(formatId(cluster.self.id)).toBe('8e9e05c52164694d');
});

test('every member writes the same first entries', () => {
  const a = parse('a', 'http://10.0.0.1:2380');
  const c = parse('c', 'http://10.0.0.3:2380');
  expect(bootstrapEntries(a)).toEqual(bootstrapEntries(c));
  expect(a.clusterId).toBe(c.clusterId);
  expect(bootstrapEntries(a).map(({ data }) => ConfChange.decode(data).nodeId)).toEqual(
    a.members.map(({ id }) => id),
  );
});

test('each first entry adds a member, with its URLs and without a name', () => {
  const changes = bootstrapEntries(parse('a', 'http://10.0.0.1:2380')).map(({ data }) =>
    MemberChange.decode(ConfChange.decode(data).context),
  );
  expect(changes.map(({ kind }) => kind)).toEqual([
    MemberChange_Kind.ADD,
    MemberChange_Kind.ADD,
    MemberChange_Kind.ADD,
  ]);
  expect(changes.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  expect(changes.map(({ member }) => member?.name)).toEqual(['', '', '']);
  expect(new Set(changes.flatMap(({ member }) => member?.peerUrls))).toEqual(
    new Set(['http://10.0.0.1:2380', 'http://10.0.0.2:2380', 'http://10.0.0.3:2380']),
  );
});

// As a real etcd 3.4 had them for this cluster and token.
test('the IDs of a cluster of three are etcd’s', () => {
  const cluster = parseInitialCluster({
    initialCluster: 'm0=http://127.0.0.1:23800,m1=http://127.0.0.1:23801,m2=http://127.0.0.1:23802',
    token: 'tok',
    name: 'm1',
    advertisePeerUrls: ['http://127.0.0.1:23801'],
  });
  expect(formatId(cluster.clusterId)).toBe('cb7de4216d748ab7');
  expect(formatId(cluster.self.id)).toBe('4036b1db24775ea0');
  expect(cluster.members.map(({ id, name }) => [formatId(id), name])).toEqual([
    ['25351fad42b3c84c', 'm0'],
    ['2737ecedbf2a9065', 'm2'],
    ['4036b1db24775ea0', 'm1'],
  ]);
});

test('a member with two URLs stands twice, in any order', () => {
  const twice = parseInitialCluster({
    initialCluster: 'a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,a=http://10.0.0.9:2380',
    token: 'etcd-cluster',
    name: 'a',
    advertisePeerUrls: ['http://10.0.0.9:2380', 'http://10.0.0.1:2380'],
  });
  expect(twice.members).toHaveLength(2);
  expect(twice.self.peerUrls).toEqual(['http://10.0.0.1:2380', 'http://10.0.0.9:2380']);
});

test.each([
  ['a=http://10.0.0.1:2380,b=http://10.0.0.1:2380', 'to both a and b'],
  ['a=http://10.0.0.1:2380,a=http://10.0.0.1:2380', 'to a twice'],
])('one URL given twice is refused with to whom: %s', (text, whom) => {
  expect(() => parse('a', 'http://10.0.0.1:2380', text)).toThrow(
    `has a duplicate URL: it gives http://10.0.0.1:2380 ${whom}`,
  );
});

test('a cluster that does not name this member is refused with what to add', () => {
  expect(() => parse('d', 'http://10.0.0.4:2380')).toThrow('add d=http://10.0.0.4:2380 to it');
});

test('a cluster that gives this member other URLs is refused with both', () => {
  expect(() => parse('a', 'http://10.0.0.9:2380')).toThrow(/10\.0\.0\.1:2380.*10\.0\.0\.9:2380/);
});

test.each([
  'a',
  '=http://x:1',
  'a=nonsense',
  'a=http://x:1,',
  'a=http://x',
  'a=http://x:99999',
  'a=http://x:1/path',
  'a=ftp://x:1',
  'a=http://:1',
])('"%s" is refused as malformed', (text) => {
  expect(() => parse('a', 'http://x:1', text)).toThrow('is not of the form name=http://host:port');
});
