import type { Socket } from 'node:net';
import type { Clock } from '../io/clock.js';
import { EMPTY_SETTINGS, FirstFrames } from './go-preface.js';

/** How every HTTP/2 connection begins (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export type Protocol = 'http1' | 'http2';

/** What a connection that began with these bytes speaks; undefined: too few to tell. At most 24 are looked at. */
export function protocolOf(head: Buffer): Protocol | undefined {
  const length = Math.min(head.length, PREFACE.length);
  if (PREFACE.compare(head, 0, length, 0, length) !== 0) return 'http1';
  return length === PREFACE.length ? 'http2' : undefined;
}

/**
 * How long a client that acknowledged our settings may take to send its first request before the connection is handed
 * on without, in milliseconds: a retransmission or two of a lost packet.
 */
const LINGER_MS = 500;

/**
 * Reads a fresh connection's first bytes, puts them back, and hands it on: HTTP/1 at once, HTTP/2 once its first
 * settings are here, and its first request where {@link FirstFrames} wants to see that. A peer that sends no such
 * beginning is cut off after `timeoutMs`. What is held is bounded: by a preface, then by `FirstFrames`.
 */
export function sniff(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  hand: (protocol: Protocol) => void,
): void {
  let head: Buffer = Buffer.alloc(0);
  let frames: FirstFrames | undefined;
  let lingering = false;
  const late = () => {
    if (frames?.opened === true) give('http2', frames.held);
    else socket.destroy();
  };
  let timer = clock.schedule(timeoutMs, late);
  const stop = () => {
    timer.cancel();
    socket.off('readable', look);
    socket.off('end', close);
    socket.off('close', stop);
  };
  const close = () => {
    stop();
    socket.destroy();
  };
  const give = (protocol: Protocol, bytes: Buffer) => {
    stop();
    if (socket.destroyed) return;
    socket.unshift(bytes);
    hand(protocol);
  };
  const look = () => {
    for (;;) {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      let fresh = chunk;
      if (frames === undefined) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const protocol = protocolOf(head);
        if (protocol === 'http1') return give(protocol, head);
        if (protocol === undefined) continue;
        frames = new FirstFrames();
        fresh = head;
      }
      const step = frames.push(fresh);
      if (step === 'pass') return give('http2', frames.held);
      if (step === 'greet') socket.write(EMPTY_SETTINGS);
      if (step === 'linger' && !lingering) {
        lingering = true;
        timer.cancel();
        timer = clock.schedule(LINGER_MS, late);
      }
    }
  };
  socket.on('readable', look);
  socket.on('end', close);
  socket.on('close', stop);
}
