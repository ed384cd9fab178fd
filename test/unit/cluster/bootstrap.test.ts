import { expect, test } from 'vitest';
import { bootstrapEntries, parseInitialCluster } from '../../../src/cluster/bootstrap.js';
import { formatId } from '../../../src/cluster/identity.js';
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

test('a cluster that does not name this member is refused with what to add', () => {
  expect(() => parse('d', 'http://10.0.0.4:2380')).toThrow('add d=http://10.0.0.4:2380 to it');
});

test('a cluster that gives this member other URLs is refused with both', () => {
  expect(() => parse('a', 'http://10.0.0.9:2380')).toThrow(/10\.0\.0\.1:2380.*10\.0\.0\.9:2380/);
});

test.each(['a', '=http://x:1', 'a=nonsense', 'a=http://x:1,'])('"%s" is refused as malformed', (text) => {
  expect(() => parse('a', 'http://x:1', text)).toThrow('is not of the form name=http://host:port');
});
