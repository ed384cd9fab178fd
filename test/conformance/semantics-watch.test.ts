import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byBytes, putOp } from './operations.js';
import { bytes, Rpc } from './rpc.js';
import { KINDS, type Server, startServer } from './servers.js';

const ZERO = bytes('');

/** What clients depend on in watches: each case holds for a real etcd too. */
describe.each(KINDS)('watches on %s', (kind) => {
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

  test('created comes first, then events; a deletion has only its key and revision', async () => {
    const watching = rpc.watching();
    const created = await watching.created({ key: bytes('w'), prevKv: true });
    expect(created).toMatchObject({ created: true, canceled: false, events: [] });
    const { header } = await rpc.put('w', 'x');
    await rpc.del('w');
    await watching.that(() => (watching.events(created.watchId).length === 2 ? true : undefined));
    const [putEvent, deletion] = watching.events(created.watchId);
    expect(putEvent).toMatchObject({ type: 0, prevKv: undefined });
    const revision = (header?.revision ?? 0) + 1;
    expect(deletion).toMatchObject({
      type: 1,
      kv: { key: bytes('w'), createRevision: 0, modRevision: revision, version: 0, value: ZERO, lease: 0n },
      prevKv: { value: bytes('x'), modRevision: revision - 1, version: 1 },
    });
    watching.stop(created.watchId);
    const canceled = await watching.that(() => watching.responses.find((response) => response.canceled));
    expect(canceled).toMatchObject({ watchId: created.watchId, compactRevision: 0 });
  });

  test('a compacted start: created, then a second response with the compacted revision', async () => {
    await rpc.put('wc', '1');
    const { header } = await rpc.put('wc', '2');
    const at = header?.revision ?? 0;
    await rpc.compact(at);
    const watching = rpc.watching();
    const created = await watching.created({ key: bytes('wc'), startRevision: at - 1 });
    expect(created.canceled).toBe(false);
    const refused = await watching.that(() => watching.responses[1]);
    expect(refused).toMatchObject({
      watchId: created.watchId,
      canceled: true,
      compactRevision: at,
      created: false,
    });
    // The compacted revision itself is still there.
    const kept = await watching.created({ key: bytes('wc'), startRevision: at });
    const [event] = await watching.that(() => {
      const events = watching.events(kept.watchId);
      return events.length > 0 ? events : undefined;
    });
    expect(event?.kv).toMatchObject({ modRevision: at, value: bytes('2') });
  });

  test('an empty range and a taken ID are created and cancelled in one, with ID -1', async () => {
    const watching = rpc.watching();
    const empty = await watching.created({ key: bytes('b'), rangeEnd: bytes('a') });
    expect(empty).toMatchObject({ created: true, canceled: true, watchId: -1n });
    expect(empty.cancelReason).toBe('mvcc: watcher range is empty');
    await watching.created({ key: bytes('b'), watchId: 7n });
    const taken = await watching.created({ key: bytes('c'), watchId: 7n });
    expect(taken).toMatchObject({ created: true, canceled: true, watchId: -1n });
    expect(taken.cancelReason).toBe('mvcc: duplicate watch ID provided on the WatchStream');
  });

  test('all events of one revision come in one response, in the order of their effects', async () => {
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('one/'), rangeEnd: bytes('one0') });
    const many = Array.from({ length: 100 }, (_, at) => putOp(`one/${(97 * at) % 100}`));
    await rpc.txn({ success: many });
    await rpc.del('one/', { rangeEnd: bytes('one0') });
    await watching.that(() => (watching.events(watchId).length === 200 ? true : undefined));
    const responses = watching.responses.filter(({ events }) => events.length > 0);
    for (const { events, header } of responses) expect(header?.revision).toBe(events.at(-1)?.kv?.modRevision);
    expect(responses.map(({ events }) => events.length)).toEqual([100, 100]);
    const order = watching.events(watchId).map(({ kv }) => kv?.key.toString());
    expect(order.slice(0, 100)).toEqual(many.map((_, at) => `one/${(97 * at) % 100}`));
    expect(order.slice(100)).toEqual(Array.from({ length: 100 }, (_, at) => `one/${at}`).sort(byBytes));
  });

  test('a progress request is answered for the stream as a whole, never ahead of an event', async () => {
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('prog') });
    const { header } = await rpc.put('prog', 'x');
    await watching.that(() => watching.events(watchId)[0]);
    watching.progress();
    const progress = await watching.that(() =>
      watching.responses.find((response) => response.watchId === -1n),
    );
    expect(progress).toMatchObject({ created: false, canceled: false, events: [] });
    expect(progress.header?.revision).toBe(header?.revision);
  });

  test('filters, and a start in the future', async () => {
    const watching = rpc.watching();
    const now = await rpc.revision();
    const puts = await watching.created({ key: bytes('f'), filters: [1] });
    const deletions = await watching.created({ key: bytes('f'), filters: [0] });
    const later = await watching.created({ key: bytes('f'), startRevision: now + 3 });
    for (const value of ['1', '2']) await rpc.put('f', value);
    await rpc.del('f');
    await rpc.put('f', '3');
    const seen = async (id: bigint, count: number) => {
      await watching.that(() => (watching.events(id).length >= count ? true : undefined));
      return watching.events(id).map(({ type, kv }) => [Number(type), (kv?.modRevision ?? 0) - now]);
    };
    expect(await seen(puts.watchId, 3)).toEqual([
      [0, 1],
      [0, 2],
      [0, 4],
    ]);
    expect(await seen(deletions.watchId, 1)).toEqual([[1, 3]]);
    expect(await seen(later.watchId, 2)).toEqual([
      [1, 3],
      [0, 4],
    ]);
  });
});
