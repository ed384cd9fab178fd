import { afterEach, describe, expect, test } from 'vitest';
import {
  KVService,
  LeaseGrantRequest,
  LeaseService,
  type RangeResponse,
} from '../../../src/proto/generated/etcd_rpc.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { put, Rpc, range } from '../../conformance/rpc.js';
import { eventually } from '../../daemon.js';

const TTL = 2;

describe('a lease whose leader dies', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('doesn’t end early, is renewed through any survivor, and then ends with its keys', async () => {
    cluster = await Cluster.start();
    const leader = await cluster.leader();
    const [one, two] = cluster.others(leader) as [ClusterMember, ClusterMember];
    const { ID } = await one.ask(LeaseService.leaseGrant, LeaseGrantRequest.fromPartial({ TTL }));
    const rpc = new Rpc(two.endpoint);
    await one.ask(KVService.put, put('leased', 'x', { lease: ID }));
    expect((await rpc.keepAlive(ID)).TTL).toBe(TTL);
    let renewed = performance.now();
    await leader.kill();
    await cluster.settled();

    const read = (): Promise<RangeResponse> => two.ask(KVService.range, range('leased'));
    // A new leader gives every lease its whole time again: it can't know when it was renewed.
    expect((await read()).kvs.length).toBe(1);
    for (let times = 0; times < 3; times++) {
      expect((await rpc.keepAlive(ID)).TTL).toBe(TTL);
      renewed = performance.now();
      expect((await read()).kvs.length).toBe(1);
    }
    let present = performance.now();
    await eventually(async () => {
      const asked = performance.now();
      if ((await read()).kvs.length > 0) {
        present = asked;
        throw new Error('it is there still');
      }
    });
    // From the last renewal's answer: what the client may rely on.
    expect(performance.now() - renewed).toBeGreaterThanOrEqual(TTL * 1_000 - 100);
    expect(present - renewed).toBeLessThan(TTL * 1_000 + 4_000);
    expect((await rpc.keepAlive(ID)).TTL).toBe(0);
    rpc.close();
    await leader.restart();
    expect((await leader.ask(KVService.range, range('leased'))).kvs.length).toBe(0);
  });
});
