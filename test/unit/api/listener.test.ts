import http from 'node:http';
import { status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KVService, LeaseService, PutRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { Harness } from './harness.js';
import { exchange } from './raw-peer.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const aPut = PutRequest.fromPartial({ key: Buffer.from('k'), value: Buffer.from('v') });

describe('the client port', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({
      limits: { maxRequestBytes: 100_000 },
      listener: { firstBytesMs: 500, headersMs: 200, requestMs: 400, maxHeaderBytes: 4096 },
    });
  });
  afterAll(() => harness.stop());

  it('serves gRPC and HTTP/1.1 side by side', async () => {
    const [stored, version] = await Promise.all([
      harness.call(KVService.put, aPut),
      fetch(`${harness.url}/version`).then((response) => response.text()),
    ]);
    expect(stored.header?.revision).toBe(2);
    expect(version).toBe('{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}');
  });

  it('knows HTTP/2 when its preface arrives byte by byte', async () => {
    const bytes = [...Buffer.from(PREFACE)].map((byte) => Buffer.from([byte]));
    const { received, closed } = await exchange(harness.port, [...bytes, SETTINGS], 1_000);
    // Settings of the server's own, and the acknowledgement of ours.
    expect(Buffer.from(received, 'latin1').subarray(-9)).toEqual(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]));
    expect(closed).toBe(false);
  });

  it('knows HTTP/1 when its first line arrives byte by byte', async () => {
    const bytes = [...Buffer.from('PUT /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')].map((b) =>
      Buffer.from([b]),
    );
    const { received } = await exchange(harness.port, bytes, 1_000);
    expect(received).toMatch(/^HTTP\/1\.1 405 /);
  });

  it.each<[string, (Buffer | string)[]]>([
    ['nothing', []],
    ['half a preface', [PREFACE.slice(0, 12)]],
  ])('cuts off a peer that sends %s', async (_name, pieces) => {
    const { received, closed } = await exchange(harness.port, pieces, 2_000);
    expect({ received, closed }).toEqual({ received: '', closed: true });
  });

  it.each<[string, (Buffer | string)[], RegExp]>([
    ['garbage', [Buffer.from([1, 2, 3, 255, 0, 10])], /^HTTP\/1\.1 400 /],
    ['a preface that goes wrong', ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'], /^HTTP\/1\.1 400 /],
    [
      'headers that are too large',
      [`GET / HTTP/1.1\r\nX: ${'a'.repeat(10_000)}\r\n\r\n`],
      /^HTTP\/1\.1 431 /,
    ],
    ['headers that never end', ['GET /health HTTP/1.1\r\nHost: a\r\n'], /^HTTP\/1\.1 408 /],
    ['two lengths', ['GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'], /^HTTP\/1\.1 400 /],
    [
      'a body announced too large',
      ['POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n'],
      /^HTTP\/1\.1 413 /,
    ],
  ])('answers %s with a refusal, and closes', async (_name, pieces, answer) => {
    const { received, closed } = await exchange(harness.port, pieces, 3_000);
    expect(received).toMatch(answer);
    expect(closed).toBe(true);
  });

  it('stops reading a body without a length once it is too long', async () => {
    const chunk = `2710\r\n${'x'.repeat(10_000)}\r\n`;
    const pieces = [
      'GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      ...Array(200).fill(chunk),
    ];
    const { closed } = await exchange(harness.port, pieces, 5_000);
    expect(closed).toBe(true);
  });

  it('cuts off a body that never comes', async () => {
    const { closed } = await exchange(
      harness.port,
      ['GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'],
      5_000,
    );
    expect(closed).toBe(true);
  });

  it('names host, port and the line to type where the port is taken', async () => {
    const url = `http://127.0.0.1:${harness.port}`;
    await expect(
      harness.api.listen(url, 'confetd --listen-client-urls http://127.0.0.1:12379'),
    ).rejects.toMatchObject({
      code: 'port_in_use',
      message: `127.0.0.1:${harness.port} is in use by another process: stop it, or listen elsewhere: confetd --listen-client-urls http://127.0.0.1:12379`,
    });
  });

  it('refuses addresses that this machine has not, and TLS', async () => {
    await expect(harness.api.listen('http://192.0.2.1:0', '')).rejects.toMatchObject({ code: 'usage' });
    await expect(harness.api.listen('https://127.0.0.1:0', '')).rejects.toMatchObject({ code: 'usage' });
  });

  it('warns of a port that every machine can reach', async () => {
    const warned: object[] = [];
    const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warned.push(fields) };
    const other = await Harness.start({ log });
    await other.api.listen('http://0.0.0.0:0', '');
    await other.stop();
    expect(warned).toEqual([{ address: '0.0.0.0:0' }]);
  });
});

describe('closing the client port', () => {
  it('lets a call under way end, and takes no new connection', async () => {
    const harness = await Harness.start();
    let open = () => {};
    harness.member.gate = new Promise((resolve) => {
      open = resolve;
    });
    const waiting = fetch(`${harness.url}/health`).then((response) => response.status);
    await harness.call(KVService.put, aPut);
    const { port } = harness;
    const started = performance.now();
    const stopped = harness.stop();
    const { received } = await exchange(port, ['GET /version HTTP/1.1\r\nHost: a\r\n\r\n'], 500);
    expect(received).toBe('');
    open();
    expect(await waiting).toBe(200);
    await stopped;
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('cuts what does not end within the grace time', async () => {
    const harness = await Harness.start({ listener: { graceMs: 100 } });
    harness.member.range = () => new Promise(() => {});
    const refused = harness.refusal(KVService.range, { ...aPut } as never);
    const silent = exchange(harness.port, [], 5_000);
    const kept = new http.Agent({ keepAlive: true });
    await new Promise<void>((resolve) => {
      http.get(`${harness.url}/version`, { agent: kept }, (response) => response.resume().on('end', resolve));
    });
    await harness.call(LeaseService.leaseLeases, {});
    const started = performance.now();
    await harness.api.close();
    expect(performance.now() - started).toBeLessThan(3_000);
    expect([Status.UNAVAILABLE, Status.INTERNAL]).toContain((await refused).code);
    expect((await silent).closed).toBe(true);
    kept.destroy();
    await harness.stop();
  });
});
