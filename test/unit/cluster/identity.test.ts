import { expect, test } from 'vitest';
import { clusterId, formatId, memberId } from '../../../src/cluster/identity.js';

test('the default flags give the IDs that etcd gives', () => {
  const member = memberId(['http://localhost:2380'], 'etcd-cluster');
  expect(formatId(member)).toBe('8e9e05c52164694d');
  expect(formatId(clusterId([member]))).toBe('cdf818194e3a8c32');
});

test('neither the order of URLs nor that of members matters', () => {
  expect(memberId(['http://b:1', 'http://a:1'], 't')).toBe(memberId(['http://a:1', 'http://b:1'], 't'));
  expect(clusterId([2n, 1n, 0xffff_ffff_ffff_ffffn])).toBe(clusterId([0xffff_ffff_ffff_ffffn, 2n, 1n]));
});

test('the time of joining makes another member', () => {
  const urls = ['http://a:2380'];
  expect(memberId(urls, 't', 1_700_000_000)).not.toBe(memberId(urls, 't'));
  expect(memberId(urls, 't', 1_700_000_000)).not.toBe(memberId(urls, 't', 1_700_000_001));
});
