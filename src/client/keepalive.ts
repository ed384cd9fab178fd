import { ConfetdError, messageOf } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Random } from '../io/random.js';
import { type LeaseKeepAliveResponse, LeaseService } from '../proto/generated/etcd_rpc.js';
import { backoffMs, pause } from './backoff.js';
import type { Connection } from './connection.js';
import { callError } from './errors.js';
import type { Pool } from './pool.js';

export interface KeepAlivePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly requestTimeoutMs: number;
}

export interface KeepAliveOptions {
  readonly id: bigint;
  /** Ends it: {@link keepAlive} then resolves with `stopped`. */
  readonly signal: AbortSignal;
  /** Renews once and is done. */
  readonly once?: boolean;
  renewed?(response: LeaseKeepAliveResponse): void;
  /** The stream broke and is made anew, with backoff. Once a spell. */
  lost?(reason: string): void;
}

/**
 * Renews a lease at every third of its TTL, over as many streams as it takes. Resolves with `expired` when the server
 * has no such lease (any more), `renewed` after the one renewal asked for, or `stopped`.
 * Rejects only where `once` is set.
 */
export async function keepAlive(
  pool: Pool,
  ports: KeepAlivePorts,
  options: KeepAliveOptions,
): Promise<'expired' | 'renewed' | 'stopped'> {
  const { clock, random, requestTimeoutMs } = ports;
  const { signal } = options;
  let lost = false;
  for (let attempt = 0; !signal.aborted; attempt++) {
    let connection: Connection | undefined;
    try {
      connection = await pool.ready(requestTimeoutMs, signal);
      const end = await renewals(connection, ports, {
        ...options,
        renewed: (response) => {
          attempt = 0;
          lost = false;
          options.renewed?.(response);
        },
      });
      return end;
    } catch (error) {
      if (signal.aborted) break;
      if (options.once === true) throw error;
      if (connection !== undefined) pool.next(connection);
      if (!lost) options.lost?.(messageOf(error));
      lost = true;
      await pause(clock, backoffMs(random, attempt, 50, 1_000), signal);
    }
  }
  return 'stopped';
}

/** Renews on one stream until the lease is gone; rejects when the stream breaks, or doesn't answer in time. */
function renewals(
  connection: Connection,
  ports: KeepAlivePorts,
  options: KeepAliveOptions,
): Promise<'expired' | 'renewed'> {
  const { clock, requestTimeoutMs } = ports;
  const { id, signal, once } = options;
  const endpoint = connection.endpoint.text;
  return new Promise((resolve, reject) => {
    const stream = connection.duplex(LeaseService.leaseKeepAlive);
    let next: Timer | undefined;
    let patience: Timer | undefined;
    const stop = (): void => {
      next?.cancel();
      patience?.cancel();
      signal.removeEventListener('abort', stop);
      stream.cancel();
    };
    const send = (): void => {
      patience = clock.schedule(requestTimeoutMs, () => {
        stop();
        reject(
          new ConfetdError(
            'deadline_exceeded',
            `${endpoint} did not answer within ${requestTimeoutMs / 1000}s`,
          ),
        );
      });
      stream.write({ ID: id });
    };
    signal.addEventListener('abort', stop, { once: true });
    stream.on('data', (response: LeaseKeepAliveResponse) => {
      patience?.cancel();
      if (response.TTL <= 0) {
        stop();
        resolve('expired');
        return;
      }
      options.renewed?.(response);
      if (once === true) {
        stop();
        resolve('renewed');
        return;
      }
      next?.cancel();
      next = clock.schedule((response.TTL * 1000) / 3, send);
    });
    stream.on('error', (error: Error) => {
      stop();
      reject(callError(error, endpoint));
    });
    stream.on('end', () => {
      stop();
      reject(new ConfetdError('unavailable', `${endpoint} ended the stream`));
    });
    send();
  });
}
