import type { Http2Session } from 'node:http2';
import type { Clock, Timer } from '../io/clock.js';

export interface LivenessLimits {
  readonly pingMs: number;
  readonly silenceMs: number;
}

/**
 * Notices that the other end of a connection is gone though no packet says so (a host without power, a cut wire, a
 * process that hangs): pings it, and calls `silent` once nothing was heard for too long.
 */
export class Liveness {
  readonly #session: Http2Session;
  readonly #clock: Clock;
  readonly #limits: LivenessLimits;
  readonly #silent: () => void;
  #heardMs: number;
  #dueMs: number;
  #timer: Timer;

  constructor(session: Http2Session, clock: Clock, limits: LivenessLimits, silent: () => void) {
    this.#session = session;
    this.#clock = clock;
    this.#limits = limits;
    this.#silent = silent;
    this.#heardMs = clock.monotonicMs();
    this.#dueMs = this.#heardMs + limits.pingMs;
    this.#timer = clock.schedule(limits.pingMs, this.#look);
  }

  /** A sign of life other than the answer to a ping. */
  readonly heard = (): void => {
    this.#heardMs = this.#clock.monotonicMs();
  };

  stop(): void {
    this.#timer.cancel();
  }

  readonly #look = (): void => {
    if (this.#session.destroyed) return;
    const now = this.#clock.monotonicMs();
    // While this process itself stood still, nothing could be heard: what has arrived is read after this.
    this.#heardMs += Math.max(0, now - this.#dueMs);
    if (now - this.#heardMs > this.#limits.silenceMs) {
      this.#silent();
      return;
    }
    this.#dueMs = now + this.#limits.pingMs;
    this.#timer = this.#clock.schedule(this.#limits.pingMs, this.#look);
    // Throws on a session that is just closing; false where too many are unanswered, which the clock above settles.
    if (!this.#session.closed) {
      this.#session.ping((error) => {
        if (error === null) this.heard();
      });
    }
  };
}
