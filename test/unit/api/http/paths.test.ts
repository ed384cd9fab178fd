import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { registerMetrics } from '../../../../src/api/metrics.js';
import { KVService, PutRequest } from '../../../../src/proto/generated/etcd_rpc.js';
import type { FakeMember } from '../fake-member.js';
import { Harness } from '../harness.js';

let harness: Harness;
const get = async (path: string, init?: RequestInit) => {
  const response = await fetch(`${harness.url}${path}`, init);
  return { status: response.status, body: await response.text() };
};

describe('HTTP paths', () => {
  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.stop());

  it('is healthy with a leader, without alarms, when a quorum answers', async () => {
    expect(await get('/health')).toEqual({ status: 200, body: '{"health":"true"}' });
    expect(await get('/readyz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await get('/livez')).toEqual({ status: 200, body: 'ok\n' });
  });

  const harms: Record<string, (member: FakeMember) => void> = {
    'no leader is known': (member) => {
      member.leader = 0n;
    },
    'an alarm is raised': (member) => {
      member.errors.push('memberID:1 alarm:NOSPACE ');
    },
    'no quorum answers': (member) => {
      member.failures.set('linearizable', new Error('timed out'));
    },
    'the member hangs': (member) => {
      member.gate = new Promise(() => {});
    },
  };
  it.each(Object.entries(harms))('is unhealthy when %s, and alive', async (_name, harm) => {
    harm(harness.member);
    expect(await get('/health')).toEqual({ status: 503, body: '{"health":"false"}' });
    harm(harness.member);
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/livez')).status).toBe(200);
  });

  it('answers anything else with JSON and 404, other methods with 405', async () => {
    const missing = await get('/v2/nothing?x=1');
    expect(missing.status).toBe(404);
    expect(JSON.parse(missing.body)).toMatchObject({
      error: 'not found',
      paths: expect.arrayContaining(['/health']),
    });
    expect((await get('/metrics')).status).toBe(404);
    expect((await get('/version', { method: 'POST', body: 'x' })).status).toBe(405);
    expect(await get('/version', { method: 'HEAD' })).toEqual({ status: 200, body: '' });
  });
});

describe('/metrics', () => {
  it("has etcd's names, and counts calls by their outcome", async () => {
    const registry = new Registry();
    harness = await Harness.start({ registry });
    const meters = registerMetrics(registry, harness.member, () => 3);
    meters.walFsync(0.003);
    await harness.call(KVService.put, PutRequest.fromPartial({ key: Buffer.from('k') }));
    await harness.refusal(KVService.put, PutRequest.fromPartial({}));
    await harness.refusal(KVService.put, PutRequest.fromPartial({}));
    const { status, body } = await get('/metrics');
    await harness.stop();
    registry.clear();
    expect(status).toBe(200);
    for (const line of [
      'etcd_server_has_leader 1',
      'etcd_server_is_leader 1',
      'etcd_server_proposals_pending 3',
      'etcd_server_proposals_committed_total 5',
      'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 0',
      'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 1',
      'grpc_server_handled_total{grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="OK"} 1',
      'grpc_server_handled_total{grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="InvalidArgument"} 2',
    ]) {
      expect(body).toContain(`${line}\n`);
    }
    expect(body).toContain('nodejs_eventloop_lag_seconds');
    expect(body).toContain('process_cpu_seconds_total');
  });
});
