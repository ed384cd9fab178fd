import type { Socket } from 'node:net';
import type { Clock } from '../io/clock.js';

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
 * Reads a fresh connection's first bytes, puts them back, and hands it on. A peer that stays silent, or sends half a
 * preface, is cut off after `timeoutMs`; no more than a preface is ever held.
 */
export function sniff(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  hand: (protocol: Protocol) => void,
): void {
  const parts: Buffer[] = [];
  let size = 0;
  const timer = clock.schedule(timeoutMs, () => socket.destroy());
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
  const look = () => {
    for (;;) {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      parts.push(chunk);
      size += chunk.length;
      const head = parts.length === 1 ? chunk : Buffer.concat(parts, size);
      const protocol = protocolOf(head);
      if (protocol === undefined) continue;
      stop();
      socket.unshift(head);
      hand(protocol);
      return;
    }
  };
  socket.on('readable', look);
  socket.on('end', close);
  socket.on('close', stop);
}
