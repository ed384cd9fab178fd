import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** An HTTP/2 frame's header, and its payload. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function noise(random: Prng, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** What a port that others can reach hears sooner or later. */
function garbage(random: Prng): Buffer[] {
  const settings = frame(4, 0, 0, Buffer.alloc(0));
  // :method POST, :scheme http, :path, content-type: literals without indexing.
  const literal = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  const call = (path: string): Buffer =>
    frame(
      1,
      4,
      1,
      Buffer.concat([
        literal(':method', 'POST'),
        literal(':scheme', 'http'),
        literal(':path', path),
        literal(':authority', 'x'),
        literal('content-type', 'application/grpc'),
        literal('te', 'trailers'),
      ]),
    );
  const grpc = (length: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, body]);
  };
  const message = noise(random, 300);
  return [
    noise(random, 5_000),
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.from(`POST /raft HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n${message.toString('latin1')}`),
    Buffer.concat([PREFACE, noise(random, 2_000)]),
    Buffer.concat([PREFACE, settings, frame(0, 0, 77, message)]),
    ...['Messages', 'InstallSnapshot', 'Call', 'Nonsense'].flatMap((method) => [
      Buffer.concat([PREFACE, settings, call(`/peerpb.Peer/${method}`), frame(0, 0, 1, grpc(300, message))]),
      // A message that says it is 4 GiB long.
      Buffer.concat([
        PREFACE,
        settings,
        call(`/peerpb.Peer/${method}`),
        frame(0, 0, 1, grpc(2 ** 32 - 1, message)),
      ]),
    ]),
    // A TLS handshake's beginning.
    Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), noise(random, 512)]),
  ];
}

describe('a client of the peer port that speaks garbage', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('harms nobody: the same leader, the same term, no member ended', async () => {
    cluster = await Cluster.start();
    const workload = await new Workload(cluster).start();
    const leader = await cluster.leader();
    const { raftTerm } = await leader.status();
    const random = new Prng(11);
    for (const member of cluster.members) {
      await Promise.all(garbage(random).map((bytes) => speak(member, bytes)));
    }
    await workload.writes(200);
    expect(await cluster.settled()).toBe(leader);
    expect((await leader.status()).raftTerm).toBe(raftTerm);
    expect(cluster.members.map(({ running }) => running)).toEqual([true, true, true]);
    for (const member of cluster.members)
      expect(member.process?.output).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    await workload.stop();
    await verify('garbage on the peer ports', cluster, workload);
  });
});

/** Says it and hangs up once something was answered, or nothing for a while. */
async function speak(member: ClusterMember, bytes: Buffer): Promise<void> {
  const socket = connect(member.peerPort, '127.0.0.1');
  socket.on('error', () => {});
  const closed = once(socket, 'close').catch(() => {});
  socket.setTimeout(300, () => socket.destroy());
  socket.on('data', () => {});
  socket.write(bytes);
  await closed;
}
