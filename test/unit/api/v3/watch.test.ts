import { type ClientDuplexStream, Metadata, type ServiceError, status as Status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CompactionRequest,
  DeleteRangeRequest,
  WatchCreateRequest_FilterType as Filter,
  WatchCreateRequest,
  type WatchRequest,
  WatchResponse,
  WatchService,
} from '../../../../src/proto/generated/etcd_rpc.js';
import { Harness } from '../harness.js';

/** A watch stream that hands out its responses one by one. */
class WatchClient {
  readonly call: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly ended: Promise<{ code: number; details: string }>;
  readonly #got: WatchResponse[] = [];
  readonly #waiting: ((response: WatchResponse) => void)[] = [];

  constructor(harness: Harness, metadata = new Metadata()) {
    const { path, requestSerialize, responseDeserialize } = WatchService.watch;
    this.call = harness.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    this.call.on('data', (response: WatchResponse) => {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#got.push(response);
      else waiter(response);
    });
    this.ended = new Promise((resolve) => {
      this.call.on('error', ({ code, details }: ServiceError) => resolve({ code, details }));
      this.call.on('status', ({ code, details }: { code: number; details: string }) =>
        resolve({ code, details }),
      );
    });
  }

  next(): Promise<WatchResponse> {
    const got = this.#got.shift();
    if (got !== undefined) return Promise.resolve(got);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  create(fields: Partial<WatchCreateRequest>): void {
    const value = { ...WatchCreateRequest.fromPartial({}), ...fields };
    this.call.write({ requestUnion: { $case: 'createRequest', value } });
  }

  cancel(watchId: bigint): void {
    this.call.write({ requestUnion: { $case: 'cancelRequest', value: { watchId } } });
  }

  progress(): void {
    this.call.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }
}

const bytes = (text: string) => Buffer.from(text);
const revisions = (response: WatchResponse) => response.events.map((event) => event.kv?.modRevision);
const keys = (response: WatchResponse) => response.events.map((event) => event.kv?.key.toString());

describe('Watch through a real client', () => {
  let harness: Harness;
  let stream: WatchClient;
  const put = (key: string, value = 'v') => harness.member.putAll([[key, bytes(value)]]);
  beforeEach(async () => {
    harness = await Harness.start({ progressIntervalMs: 40, limits: { maxWatchersPerStream: 600 } });
    stream = new WatchClient(harness);
  });
  afterEach(async () => {
    stream.call.cancel();
    await harness.stop();
  });

  it('measures the disk for no watcher: a status costs 50 µs', async () => {
    const status = vi.spyOn(harness.member, 'status');
    stream.create({ key: bytes('a') });
    await stream.next();
    put('a');
    await stream.next();
    expect(status).not.toHaveBeenCalled();
  });

  it('answers created, with whole header, before events that are there already', async () => {
    put('a', '1');
    put('a', '2');
    stream.create({ key: bytes('a'), startRevision: 1 });
    expect(await stream.next()).toEqual({
      ...WatchResponse.fromPartial({ created: true }),
      header: { clusterId: 0xcdf818194e3a8c32n, memberId: 0x8e9e05c52164694dn, revision: 3, raftTerm: 2 },
    });
    // Catching up merges whole revisions.
    const replayed = await stream.next();
    expect(revisions(replayed)).toEqual([2, 3]);
    expect(replayed.header?.revision).toBe(3);
    put('a', '3');
    const live = await stream.next();
    expect(live.events).toHaveLength(1);
    expect(live.events[0]?.kv).toEqual({
      key: bytes('a'),
      value: bytes('3'),
      createRevision: 2,
      modRevision: 4,
      version: 3,
      lease: 0n,
    });
    expect(live.header?.revision).toBe(4);
  });

  it('keeps all events of one revision in one response', async () => {
    stream.create({ key: bytes('k'), rangeEnd: bytes('l') });
    await stream.next();
    harness.member.putAll(Array.from({ length: 50 }, (_, i) => [`k${i}`, bytes('v')] as const));
    const response = await stream.next();
    expect(new Set(revisions(response))).toEqual(new Set([2]));
    expect(response.events).toHaveLength(50);
  });

  it('shows a delete with key and revision only, and what was before where asked', async () => {
    stream.create({ key: bytes('k'), prevKv: true });
    stream.create({ key: bytes('k') });
    await stream.next();
    await stream.next();
    put('k', 'one');
    const [first] = (await stream.next()).events;
    expect(first?.prevKv).toBeUndefined();
    await stream.next();
    await harness.member.deleteRange(DeleteRangeRequest.fromPartial({ key: bytes('k') }));
    const withPrevious = await stream.next();
    expect(withPrevious.events[0]).toMatchObject({
      type: 1,
      prevKv: { value: bytes('one'), modRevision: 2 },
    });
    expect(withPrevious.events[0]?.kv).toMatchObject({
      modRevision: 3,
      createRevision: 0,
      version: 0,
      lease: 0n,
    });
    const without = await stream.next();
    expect(without.watchId).toBe(1n);
    expect(without.events[0]?.prevKv).toBeUndefined();
  });

  it('numbers watchers by itself, past the ids that clients chose', async () => {
    stream.create({ key: bytes('a') });
    stream.create({ key: bytes('a'), watchId: 1n });
    stream.create({ key: bytes('a') });
    stream.create({ key: bytes('a'), watchId: -9_223_372_036_854_775_808n });
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push((await stream.next()).watchId);
    expect(ids).toEqual([0n, 1n, 2n, -9_223_372_036_854_775_808n]);
    put('a');
    const heard = new Set<bigint>();
    for (let i = 0; i < 4; i++) heard.add((await stream.next()).watchId);
    expect(heard).toEqual(new Set(ids));
  });

  it('refuses empty ranges and used ids with created and canceled', async () => {
    stream.create({ key: bytes('b'), rangeEnd: bytes('a') });
    expect(await stream.next()).toMatchObject({
      watchId: -1n,
      created: true,
      canceled: true,
      cancelReason: 'mvcc: watcher range is empty',
    });
    stream.create({ key: bytes('b'), watchId: 7n });
    stream.create({ key: bytes('c'), watchId: 7n });
    expect(await stream.next()).toMatchObject({ watchId: 7n, created: true, canceled: false });
    expect(await stream.next()).toMatchObject({
      watchId: -1n,
      created: true,
      canceled: true,
      cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
    });
    put('c');
    put('b');
    expect(keys(await stream.next())).toEqual(['b']);
  });

  it('watches every key for an empty key and the end "\\0"', async () => {
    stream.create({ rangeEnd: bytes('\0') });
    await stream.next();
    put('anything');
    expect(keys(await stream.next())).toEqual(['anything']);
  });

  it('answers a compacted start with created, then canceled and the revision', async () => {
    for (let i = 0; i < 5; i++) put('a');
    await harness.member.compact(CompactionRequest.fromPartial({ revision: 4 }));
    stream.create({ key: bytes('a'), startRevision: 2, watchId: 3n });
    expect(await stream.next()).toMatchObject({
      watchId: 3n,
      created: true,
      canceled: false,
      compactRevision: 0,
    });
    expect(await stream.next()).toMatchObject({
      watchId: 3n,
      created: false,
      canceled: true,
      compactRevision: 4,
    });
    // The id is free again.
    stream.create({ key: bytes('a'), startRevision: 5, watchId: 3n });
    expect(await stream.next()).toMatchObject({ watchId: 3n, created: true, canceled: false });
    expect(revisions(await stream.next())).toEqual([5, 6]);
  });

  it('cancels once, and hears nothing of a watcher that is not there', async () => {
    stream.create({ key: bytes('a') });
    await stream.next();
    stream.cancel(99n);
    stream.cancel(0n);
    stream.cancel(0n);
    expect(await stream.next()).toMatchObject({
      watchId: 0n,
      canceled: true,
      created: false,
      cancelReason: '',
    });
    put('a');
    stream.progress();
    expect((await stream.next()).watchId).toBe(-1n);
    expect(harness.member.watchers.size).toBe(0);
  });

  it('filters puts and deletes', async () => {
    stream.create({ key: bytes('a'), filters: [Filter.Noput] });
    stream.create({ key: bytes('a'), filters: [Filter.Nodelete] });
    await stream.next();
    await stream.next();
    put('a');
    expect((await stream.next()).watchId).toBe(1n);
    await harness.member.deleteRange(DeleteRangeRequest.fromPartial({ key: bytes('a') }));
    expect(await stream.next()).toMatchObject({ watchId: 0n, events: [{ type: 1 }] });
  });

  it('answers a request for progress only when every watcher has caught up', async () => {
    stream.create({ key: bytes('a') });
    await stream.next();
    const [watcher] = harness.member.watchers;
    if (watcher === undefined) throw new Error('no watcher');
    watcher.stopped = true;
    put('a');
    stream.progress();
    // Longer than the stream waits before it looks again.
    await new Promise((resolve) => setTimeout(resolve, 120));
    watcher.resume();
    expect(revisions(await stream.next())).toEqual([2]);
    const progress = await stream.next();
    expect(progress).toMatchObject({ watchId: -1n, events: [], header: { revision: 2 } });
  });

  it('notifies silent watchers that asked for it, by their id', async () => {
    stream.create({ key: bytes('a'), watchId: 1n });
    stream.create({ key: bytes('b'), watchId: 2n, progressNotify: true });
    await stream.next();
    await stream.next();
    put('zzz');
    expect(await stream.next()).toMatchObject({
      watchId: 2n,
      events: [],
      canceled: false,
      header: { revision: 2 },
    });
    expect(await stream.next()).toMatchObject({ watchId: 2n, events: [] });
  });

  it('splits a large revision for those who allow it, and never for others', async () => {
    const value = Buffer.alloc(900_000, 120);
    stream.create({ key: bytes('k'), rangeEnd: bytes('l'), fragment: true, watchId: 1n });
    stream.create({ key: bytes('k'), rangeEnd: bytes('l'), watchId: 2n });
    await stream.next();
    await stream.next();
    harness.member.putAll([0, 1, 2, 3, 4].map((i) => [`k${i}`, value] as const));
    const parts: WatchResponse[] = [];
    let whole: WatchResponse | undefined;
    while (whole === undefined || parts.at(-1)?.fragment !== false) {
      const response = await stream.next();
      if (response.watchId === 2n) whole = response;
      else parts.push(response);
    }
    expect(parts.map((part) => part.fragment)).toEqual([true, true, false]);
    expect(parts.flatMap(keys)).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
    expect(keys(whole)).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
  });

  it('holds a bounded amount for a reader that stops, and loses nothing', async () => {
    await harness.stop();
    harness = await Harness.start({ limits: { watchBufferBytes: 256 * 1024 } });
    stream = new WatchClient(harness);
    stream.create({ key: bytes('k'), rangeEnd: bytes('l') });
    await stream.next();
    stream.call.pause();
    const [watcher] = harness.member.watchers;
    if (watcher === undefined) throw new Error('no watcher');
    const value = Buffer.alloc(16 * 1024);
    const total = 400;
    for (let i = 0; i < total; i++) {
      harness.member.putAll([[`k${i}`, value]]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Windows and socket buffers took some; then the store was told to stop.
    expect(watcher.stopped).toBe(true);
    expect(watcher.position).toBeLessThan(total);
    stream.call.resume();
    const seen: (number | undefined)[] = [];
    while (seen.length < total) seen.push(...revisions(await stream.next()));
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => i + 2));
    expect(watcher.resumed).toBeGreaterThan(0);
  });

  it('serves 500 watchers on one stream from one put', async () => {
    for (let i = 0; i < 500; i++) stream.create({ key: bytes('a') });
    for (let i = 0; i < 500; i++) await stream.next();
    put('a', 'news');
    const heard = new Set<bigint>();
    for (let i = 0; i < 500; i++) {
      const response = await stream.next();
      expect(response.events[0]?.kv?.value.toString()).toBe('news');
      heard.add(response.watchId);
    }
    expect(heard.size).toBe(500);
  });

  it('bounds the watchers of a stream', async () => {
    for (let i = 0; i <= 600; i++) stream.create({ key: bytes('a') });
    for (let i = 0; i < 600; i++) expect((await stream.next()).canceled).toBe(false);
    expect(await stream.next()).toMatchObject({ canceled: true, watchId: -1n });
  });

  it('forgets its watchers when the client goes, and ends well when it half-closes', async () => {
    stream.create({ key: bytes('a') });
    await stream.next();
    stream.call.end();
    expect(await stream.ended).toMatchObject({ code: Status.OK });
    expect(harness.member.watchers.size).toBe(0);
    const other = new WatchClient(harness);
    other.create({ key: bytes('a') });
    await other.next();
    expect(harness.member.watchers.size).toBe(1);
    other.call.cancel();
    await expect.poll(() => harness.member.watchers.size).toBe(0);
  });

  it('ends a stream that requires a leader after three leaderless election timeouts, and no other', async () => {
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    const strict = new WatchClient(harness, metadata);
    strict.create({ key: bytes('a') });
    stream.create({ key: bytes('a') });
    await strict.next();
    await stream.next();
    harness.member.leader = 0n;
    expect(await strict.ended).toEqual({ code: Status.UNAVAILABLE, details: 'etcdserver: no leader' });
    // And one begun now fails at once.
    expect(await new WatchClient(harness, metadata).ended).toMatchObject({ code: Status.UNAVAILABLE });
    put('a');
    expect(keys(await stream.next())).toEqual(['a']);
  });

  it('ends streams at shutdown without waiting for the grace time', async () => {
    stream.create({ key: bytes('a') });
    await stream.next();
    const started = performance.now();
    await Promise.all([harness.stop(), stream.ended]);
    expect(await stream.ended).toEqual({ code: Status.UNAVAILABLE, details: 'etcdserver: server stopped' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
