import net from 'node:net';

/** What a peer got until the server closed the connection, or `waitMs` passed. */
export interface Exchange {
  readonly received: string;
  readonly closed: boolean;
}

/** Sends pieces as they are, one at a time, and listens. */
export function exchange(
  port: number,
  pieces: readonly (Buffer | string)[],
  waitMs: number,
): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let received = '';
    const finish = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received, closed });
    };
    const timer = setTimeout(() => finish(false), waitMs);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.setNoDelay(true);
    const rest = [...pieces];
    const next = () => {
      const piece = rest.shift();
      if (piece === undefined || socket.destroyed) return;
      socket.write(piece, () => setImmediate(next));
    };
    socket.on('connect', next);
  });
}
