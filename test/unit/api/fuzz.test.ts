import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { KVService, PutRequest, TxnRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { Harness } from './harness.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const CONNECTIONS = 3_000;
/** Open at a time. */
const WIDTH = 40;

/** An HTTP/2 frame (RFC 9113, section 4.1); `length` may lie. */
function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xff_ffff, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** Headers in HPACK's plainest form: literals, never indexed, names spelled out. */
function headers(pairs: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0x10]), text(name), text(value)]));
}

class Breaker {
  readonly #prng: Prng;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  connection(): Buffer[] {
    const kinds: (() => Buffer[])[] = [
      () => [this.bytes(200)],
      () => this.http1(),
      () => this.frames(),
      () => this.calls(),
    ];
    return this.pick(kinds)();
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.#prng.below(most) }, () => this.#prng.below(256)));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#prng.below(items.length)] as T;
  }

  http1(): Buffer[] {
    const method = this.pick(['GET', 'PUT', 'POST', 'CONNECT', 'OPTIONS', 'PRI', 'G T', '']);
    const path = this.pick([
      '/health',
      '/version',
      '/%zz',
      '*',
      '/v3/kv/put',
      'http://[',
      '//',
      `/${'a'.repeat(9000)}`,
    ]);
    const line = this.pick([
      'Content-Length: -1',
      'Content-Length: 99999999999',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: chunked, identity',
      'Expect: 100-continue',
      'Expect: the worst',
      'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
      'Connection: Upgrade\r\nUpgrade: websocket',
      ': empty',
      'X: \0',
      'Host:',
    ]);
    const version = this.pick(['HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '']);
    return [
      Buffer.from(
        `${method} ${path} ${version}\r\nHost: a\r\n${line}\r\n${this.pick(['\r\n', '', '\n'])}`,
        'latin1',
      ),
      this.bytes(100),
    ];
  }

  frames(): Buffer[] {
    const sent: Buffer[] = [PREFACE];
    if (this.#prng.chance(0.7)) sent.push(frame(4, 0, 0, Buffer.alloc(0)));
    for (let count = this.#prng.below(12); count > 0; count--) {
      const payload = this.bytes(60);
      const length = this.#prng.chance(0.2) ? this.#prng.below(1 << 24) : payload.length;
      sent.push(frame(this.#prng.below(12), this.#prng.below(256), this.#prng.below(6), payload, length));
    }
    return sent;
  }

  /** Well-formed HTTP/2 whose calls are broken. */
  calls(): Buffer[] {
    const sent: Buffer[] = [PREFACE, frame(4, 0, 0, Buffer.alloc(0))];
    let stream = 1;
    for (let count = 1 + this.#prng.below(6); count > 0; count--, stream += 2) {
      const pairs: [string, string][] = [
        [':method', this.pick(['POST', 'POST', 'POST', 'GET', 'CONNECT', ''])],
        [':scheme', 'http'],
        [
          ':path',
          this.pick([
            '/etcdserverpb.KV/Put',
            '/etcdserverpb.KV/Range',
            '/etcdserverpb.KV/Txn',
            '/etcdserverpb.Watch/Watch',
            '/etcdserverpb.Lease/LeaseKeepAlive',
            '/etcdserverpb.Cluster/MemberList',
            '/no.Such/Thing',
            '/\xff\xfe',
            'x',
            '',
          ]),
        ],
        [':authority', 'a'],
        [
          'content-type',
          this.pick(['application/grpc', 'application/grpc', 'application/grpc+proto', 'text/plain', '']),
        ],
        ['te', 'trailers'],
      ];
      if (this.#prng.chance(0.3)) {
        pairs.push(['grpc-timeout', this.pick(['1n', '0S', '99999999H', '-1S', 'soon', ''])]);
      }
      if (this.#prng.chance(0.3)) pairs.push(['grpc-encoding', this.pick(['gzip', 'deflate', 'zstd', ''])]);
      if (this.#prng.chance(0.3)) pairs.push(['hasleader', this.pick(['true', 'false', 'x'])]);
      if (this.#prng.chance(0.2)) pairs.push(['token-bin', this.pick(['!!!', 'AAAA'])]);
      sent.push(frame(1, 4, stream, headers(pairs)));
      sent.push(frame(0, this.pick([0, 1]), stream, this.message()));
      if (this.#prng.chance(0.3))
        sent.push(frame(3, 0, stream, Buffer.from([0, 0, 0, this.#prng.below(14)])));
      if (this.#prng.chance(0.1)) sent.push(frame(8, 0, stream, Buffer.from([0x7f, 0xff, 0xff, 0xff])));
    }
    return sent;
  }

  /** A gRPC message that is cut off, too long, compressed badly, nested deeply, or no protobuf. */
  message(): Buffer {
    const body = this.pick<() => Buffer>([
      () => this.bytes(80),
      () => Buffer.from(PutRequest.encode(PutRequest.fromPartial({ key: this.bytes(8) })).finish()),
      () => nested(1 + this.#prng.below(90)),
      () => Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      () => Buffer.from([0x0a, 0x08, 0x0a, 0x01, 0x61, 0x18, 0xff, 0xff, 0xff, 0xff]),
    ])();
    const head = Buffer.alloc(5);
    head[0] = this.pick([0, 0, 0, 1, 7]);
    head.writeUInt32BE(
      this.pick([body.length, body.length, body.length, 0, 0xffff_ffff, body.length + 9]),
      1,
    );
    return Buffer.concat([head, body]);
  }
}

function nested(depth: number): Buffer {
  let txn = TxnRequest.fromPartial({});
  for (let level = 0; level < depth; level++) {
    txn = { compare: [], success: [{ request: { $case: 'requestTxn', value: txn } }], failure: [] };
  }
  return Buffer.from(TxnRequest.encode(txn).finish());
}

/** Sends a connection's bytes and leaves soon, in one of the ways that peers leave. */
function visit(port: number, pieces: readonly Buffer[], leave: 'end' | 'reset' | 'destroy'): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on('data', () => {});
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece);
      setTimeout(() => {
        if (leave === 'end') socket.end();
        else if (leave === 'reset') socket.resetAndDestroy();
        else socket.destroy();
      }, 5);
    });
  });
}

describe('broken input', () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  let harness: Harness;
  beforeAll(async () => {
    process.on('uncaughtException', note);
    process.on('unhandledRejection', note);
    harness = await Harness.start({ listener: { firstBytesMs: 200, headersMs: 200, requestMs: 300 } });
  });
  afterAll(async () => {
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
    await harness.stop();
  });

  it(`of ${CONNECTIONS} connections never crashes it, and leaves nothing behind`, async () => {
    const seed = Number(process.env.TEST_SEED ?? 20261121);
    const breaker = new Breaker(seed);
    let left = CONNECTIONS;
    const visitor = async () => {
      while (left-- > 0) {
        await visit(harness.port, breaker.connection(), breaker.pick(['end', 'reset', 'destroy'] as const));
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, visitor));
    expect({ seed, uncaught }).toEqual({ seed, uncaught: [] });
    // Some were well-formed: the frames above do reach the services.
    expect(harness.member.revision).toBeGreaterThan(1);
    const good = PutRequest.fromPartial({ key: Buffer.from('good'), value: Buffer.from('call') });
    expect((await harness.call(KVService.put, good)).header?.revision).toBe(harness.member.revision);
    expect((await fetch(`${harness.url}/health`)).status).toBe(200);
    expect(harness.member.watchers.size).toBe(0);
  });
});
