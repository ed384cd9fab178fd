import { randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { Client, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  MessageBatch,
  type PeerRequest,
  type PeerResponse,
  PeerService,
  Refusal,
  SnapshotPart,
  type Welcome,
} from '../../../src/proto/generated/peer.js';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { frameOf } from '../../../src/transport/frames.js';
import { append, entry, eventually, helloOf, message, type NodeOptions, PeerNode } from './harness.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(id: bigint, options?: NodeOptions): Promise<PeerNode> {
  const node = await PeerNode.start(id, options);
  closing.push(() => node.close());
  return node;
}

/** Whether it still takes messages from a member as if nothing had been. */
async function works(node: PeerNode): Promise<void> {
  const other = await start(2n);
  const before = node.host.received.length;
  other.transport.setPeers([{ id: node.id, peerUrls: [node.port.url] }]);
  other.transport.send([append(2n, node.id, 1, 10)]);
  await node.host.until(() => node.host.received.length > before);
}

/** A hand-made call: frames as they are; answers with the gRPC status. */
function rawCall(
  node: PeerNode,
  path: string,
  frames: readonly Buffer[],
  headers: http2.OutgoingHttpHeaders = {},
): Promise<{ status: string | undefined; welcomed: boolean }> {
  return new Promise((resolve) => {
    const session = http2.connect(node.port.url);
    session.on('error', () => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      ...headers,
    });
    let grpcStatus: string | undefined;
    let welcomed = false;
    const read = (each: http2.IncomingHttpHeaders): void => {
      const value = each['grpc-status'];
      if (typeof value === 'string') grpcStatus = value;
    };
    const rest = [...frames];
    const next = (): void => {
      const frame = rest.shift();
      if (frame !== undefined && !stream.destroyed) stream.write(frame);
      if (rest.length === 0) stream.end();
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('data', () => {
      welcomed = true;
      next();
    });
    stream.on('error', () => {});
    stream.on('end', () => stream.close());
    stream.on('close', () => {
      session.destroy();
      resolve({ status: grpcStatus, welcomed });
    });
    next();
  });
}

const HELLO = frameOf(MessageBatch.encode({ hello: helloOf(5n), to: 1n, messages: [] }).finish());
const batchOf = (messages: Message[]): Buffer =>
  frameOf(MessageBatch.encode({ hello: undefined, to: 0n, messages }).finish());
const { path } = PeerService.messages;

describe('garbage on the peer port', () => {
  it('as bytes of any kind ends its own connection only', async () => {
    const node = await start(1n);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
    for (let round = 0; round < 60; round++) {
      await new Promise<void>((resolve) => {
        const socket = net.connect(node.port.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.on('data', () => {});
        const bytes = randomBytes(1 + ((round * 37) % 600));
        if (round % 2 === 0) socket.write(bytes);
        else socket.write(Buffer.concat([preface, Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), bytes]));
        setTimeout(() => (round % 3 === 0 ? socket.resetAndDestroy() : socket.destroy()), 3);
      });
    }
    await works(node);
  });

  const longAgo = message(5n, 1n, {
    index: 4,
    entries: [entry(5, Buffer.from('x')), entry(7, Buffer.from('y'))],
  });
  it.each<[string, Buffer]>([
    ['a frame that says it is huge', Buffer.from([0, 255, 255, 255, 255])],
    ['a compressed frame', Buffer.from([1, 0, 0, 0, 1, 0])],
    ['a payload that is no message', frameOf(Buffer.from([0x1a, 0x05, 0xff]))],
    ['a batch without messages', frameOf(Buffer.alloc(0))],
    ['a payload of fields that nobody knows', frameOf(Buffer.alloc(500, 0x78))],
    ['a number beyond 2^53', frameOf(Buffer.from([0x1a, 10, 0x20, ...Array(8).fill(0xff), 0x7f]))],
    ['a message of another member', batchOf([append(6n, 1n, 1, 3)])],
    ['a message to another member', batchOf([append(5n, 3n, 1, 3)])],
    ['a message that never leaves a member', batchOf([message(5n, 1n, { type: MessageType.HUP })])],
    ['an announced state without one', batchOf([message(5n, 1n, { type: MessageType.SNAP })])],
    ['a message of an unknown type', batchOf([message(5n, 1n, { type: 99 as MessageType })])],
    ['entries with a gap', batchOf([longAgo])],
  ])('in a stream that was let in (%s) ends it with a line that names its sender', async (_what, frame) => {
    const lines: [object, string][] = [];
    const log = {
      debug() {},
      info() {},
      error() {},
      warn: (...line: [object, string]) => void lines.push(line),
    };
    const node = await start(1n, { log });
    const outcome = await rawCall(node, path, [HELLO, frame]);
    expect(outcome).toEqual({ status: String(status.INVALID_ARGUMENT), welcomed: true });
    expect(lines).toEqual([
      [
        expect.objectContaining({ peer: '5' }) as object,
        expect.stringMatching(/^a peer sends garbage, and its stream is ended: /) as string,
      ],
    ]);
    expect(node.host.received).toEqual([]);
    await works(node);
  });

  it.each<[string, Buffer[]]>([
    ['nothing', []],
    [
      'messages with the hello',
      [frameOf(MessageBatch.encode({ hello: helloOf(5n), to: 1n, messages: [longAgo] }).finish())],
    ],
    ['messages before the welcome', [Buffer.concat([HELLO, batchOf([append(5n, 1n, 1, 1)])])]],
    [
      'a hello of 100 KB',
      [
        frameOf(
          MessageBatch.encode({ hello: helloOf(5n, ['x'.repeat(100_000)]), to: 1n, messages: [] }).finish(),
        ),
      ],
    ],
  ])('instead of a hello (%s) is not let in', async (_what, frames) => {
    const node = await start(1n);
    await rawCall(node, path, frames);
    expect(node.host.received).toEqual([]);
    await works(node);
  });

  it('as any sequence of bytes after a hello never gets beyond its stream', async () => {
    const node = await start(1n);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await rawCall(node, path, [HELLO, frameOf(bytes)]);
      }),
      { numRuns: 40 },
    );
    await works(node);
  });

  it('as calls is answered with a status', async () => {
    const node = await start(1n);
    const unimplemented = { status: String(status.UNIMPLEMENTED), welcomed: false };
    expect(await rawCall(node, '/peerpb.Peer/Nonsense', [HELLO])).toEqual(unimplemented);
    expect(await rawCall(node, path, [HELLO], { 'content-type': 'text/html' })).toEqual(unimplemented);
    const invalid = { status: String(status.INVALID_ARGUMENT), welcomed: false };
    expect(await rawCall(node, PeerService.call.path, [])).toEqual(invalid);
    expect(await rawCall(node, PeerService.call.path, [frameOf(Buffer.from([0x0a, 0xff]))])).toEqual(invalid);
    const snapshot = { status: String(status.INTERNAL), welcomed: false };
    const { path: install } = PeerService.installSnapshot;
    expect(await rawCall(node, install, [])).toEqual(snapshot);
    expect(await rawCall(node, install, [frameOf(Buffer.alloc(50, 0xff))])).toEqual(snapshot);
    const part = {
      hello: helloOf(5n),
      to: 1n,
      message: append(5n, 1n, 1, 1),
      data: Buffer.alloc(0),
      digest: Buffer.alloc(0),
    };
    expect(await rawCall(node, install, [frameOf(SnapshotPart.encode(part).finish())])).toEqual(snapshot);
    await works(node);
  });

  it('from whom a member calls is no answer', async () => {
    const one = await start(1n);
    const nonsense = http2.createServer();
    nonsense.on('sessionError', () => {});
    nonsense.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.end(headers[':path'] === path ? Buffer.from([0, 0, 0, 0, 2, 255, 255]) : randomBytes(100));
    });
    await new Promise<void>((resolve) => nonsense.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => nonsense.close(() => resolve())));
    const url = `http://127.0.0.1:${(nonsense.address() as net.AddressInfo).port}`;
    const request: PeerRequest = {
      hello: undefined,
      to: 0n,
      kind: { $case: 'describe', value: { about: 0n } },
    };
    await expect(one.network.call(url, request, 500)).rejects.toMatchObject({ code: 'unavailable' });
    one.transport.setPeers([{ id: 2n, peerUrls: [url] }]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.transport.activeSince(2n)).toBeUndefined();
    one.transport.setPeers([]);
  });
});

describe('gRPC as others speak it', () => {
  it('serves a client of grpc-js', async () => {
    const node = await start(1n);
    const client = new Client(`127.0.0.1:${node.port.port}`, credentials.createInsecure());
    closing.push(async () => client.close());
    const { messages, call } = PeerService;
    const answer = await new Promise<PeerResponse | undefined>((resolve, reject) => {
      const request: PeerRequest = { hello: helloOf(5n), to: 1n, kind: undefined };
      client.makeUnaryRequest(
        call.path,
        call.requestSerialize,
        call.responseDeserialize,
        request,
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
    expect(answer?.refusal).toBe(Refusal.ADMITTED);
    const stream = client.makeBidiStreamRequest(
      messages.path,
      messages.requestSerialize,
      messages.responseDeserialize,
    );
    stream.on('data', (welcome: Welcome) => {
      expect(welcome).toEqual({ refusal: Refusal.ADMITTED, hello: node.host.hello });
      stream.write({ hello: undefined, to: 0n, messages: [append(5n, 1n, 1, 10)] });
    });
    stream.write({ hello: helloOf(5n), to: 1n, messages: [] });
    await node.host.until(() => node.host.received.length === 1);
    const ended = new Promise((resolve) => stream.on('status', resolve));
    stream.end();
    expect(await ended).toMatchObject({ code: status.OK });
  });

  it('calls a server of grpc-js', async () => {
    const server = new Server();
    const received: Message[] = [];
    server.addService(PeerService, {
      messages: (stream: import('@grpc/grpc-js').ServerDuplexStream<MessageBatch, Welcome>) => {
        stream.on('data', ({ hello, messages }: MessageBatch) => {
          received.push(...messages);
          if (hello !== undefined) stream.write({ refusal: Refusal.ADMITTED, hello: helloOf(2n) });
        });
        stream.on('end', () => stream.end());
      },
      installSnapshot: (_stream: unknown, done: (error: Error) => void) => done(new Error('no')),
      call: (_call: unknown, done: (error: null, response: PeerResponse) => void) =>
        done(null, { refusal: Refusal.ADMITTED, error: undefined, kind: undefined }),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    closing.push(async () => server.forceShutdown());
    const one = await start(1n);
    one.transport.setPeers([{ id: 2n, peerUrls: [`http://127.0.0.1:${port}`] }]);
    one.transport.send([append(1n, 2n, 1, 200_000), append(1n, 2n, 2, 10)]);
    await eventually(() => received.length === 2);
    expect(received.map(({ index }) => index)).toEqual([0, 1]);
    const request: PeerRequest = { hello: undefined, to: 0n, kind: undefined };
    await expect(one.transport.call(2n, request, 1_000)).resolves.toMatchObject({
      refusal: Refusal.ADMITTED,
    });
  });
});
