import http2, { type OutgoingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const HEADERS = 1;
export const SETTINGS = 4;
export const PING = 6;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** One frame's bytes (RFC 9113, section 4.1). */
export function frame(type: number, flags = 0, stream = 0, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A SETTINGS frame's bytes. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [at, [name, value]] of pairs.entries()) {
    payload.writeUInt16BE(name, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  }
  return frame(SETTINGS, 0, 0, payload);
}

export const ACK = frame(SETTINGS, 1);

/** Takes whole frames apart. */
export function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + size);
    found.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + size;
  }
  return found;
}

/** The header blocks of these requests, in one connection's order, by an encoder that is not ours: Node's. */
export async function encoded(...requests: readonly OutgoingHttpHeaders[]): Promise<Buffer[]> {
  const written: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(Buffer.from(chunk));
      done();
    },
  });
  const session = http2.connect('http://nowhere', { createConnection: () => wire });
  session.on('error', () => {});
  for (const headers of requests) session.request(headers, { endStream: true }).on('error', () => {});
  for (;;) {
    const bytes = Buffer.concat(written);
    const blocks =
      bytes.length > PREFACE.length
        ? frames(bytes.subarray(PREFACE.length)).filter(({ type }) => type === HEADERS)
        : [];
    if (blocks.length === requests.length) {
      session.destroy();
      return blocks.map(({ payload }) => payload);
    }
    await new Promise(setImmediate);
  }
}
