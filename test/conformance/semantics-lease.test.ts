import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LeaseService } from '../../src/proto/generated/etcd_rpc.js';
import { bytes, Rpc } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

/** What clients depend on in leases: each case holds for a real etcd too. */
describe.each(KINDS)('leases on %s', (kind) => {
  let server: Server & { stop(): Promise<void> };
  let rpc: Rpc;
  beforeAll(async () => {
    server = await startServer(kind);
    rpc = new Rpc(server.endpoint);
  });
  afterAll(async () => {
    rpc?.close();
    await server?.stop();
  });

  test('a TTL is raised to 2 s, bounded at 9e9, and an ID taken once', async () => {
    expect((await rpc.grant(1)).TTL).toBe(2);
    const grant = (TTL: number, ID = 0n) => rpc.refusal(LeaseService.leaseGrant, { TTL, ID });
    expect(await grant(9_000_000_001)).toBe('11 etcdserver: too large lease TTL');
    await rpc.grant(1000, 77n);
    expect(await grant(1000, 77n)).toBe('9 etcdserver: lease already exists');
    await rpc.revoke(77n);
    expect(await rpc.refusal(LeaseService.leaseRevoke, { ID: 77n })).toBe(
      '5 etcdserver: requested lease not found',
    );
  });

  test('what is missing: keep-alive says TTL 0, time-to-live says -1', async () => {
    const toLive = await rpc.call(LeaseService.leaseTimeToLive, { ID: 4711n, keys: true });
    expect(toLive).toMatchObject({ ID: 4711n, TTL: -1, grantedTTL: 0, keys: [] });
    expect((await rpc.keepAlive(4711n)).TTL).toBe(0);
    const { ID } = await rpc.grant(1234);
    expect(await rpc.keepAlive(ID)).toMatchObject({ ID, TTL: 1234 });
  });

  test('a revoke deletes its keys sorted, in one revision', async () => {
    const { ID } = await rpc.grant(1000);
    for (const key of ['lr/c', 'lr/a', 'lr/b']) await rpc.put(key, 'x', { lease: ID });
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('lr/'), rangeEnd: bytes('lr0') });
    const before = await rpc.revision();
    await rpc.revoke(ID);
    await watching.that(() => (watching.events(watchId).length === 3 ? true : undefined));
    expect(watching.events(watchId).map(({ kv }) => [kv?.key.toString(), kv?.modRevision])).toEqual([
      ['lr/a', before + 1],
      ['lr/b', before + 1],
      ['lr/c', before + 1],
    ]);
  });
});
