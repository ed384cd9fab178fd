import { ConfetdError, messageOf } from '../base/errors.js';
import { backoffMs, pause } from '../client/backoff.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import { Followings } from './followings.js';
import type { SourceTiming } from './timing.js';
import type { Following, History, Snapshot, Source, SourceListener, Subtree } from './types.js';

export interface PollPorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** A source that is read anew every now and then instead of being followed, as confd does without `-watch`. */
export class PolledSource implements Source {
  readonly #source: Source;
  readonly #intervalMs: number;
  readonly #ports: PollPorts;
  readonly #timing: SourceTiming;
  readonly #followings = new Followings();

  constructor(source: Source, intervalMs: number, ports: PollPorts, timing: SourceTiming = {}) {
    this.#source = source;
    this.#intervalMs = intervalMs;
    this.#ports = ports;
    this.#timing = timing;
  }

  get name(): string {
    return this.#source.name;
  }

  get history(): History | undefined {
    return this.#source.history;
  }

  load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    return this.#source.load(subtrees, signal);
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    return this.#followings.start((signal) => this.#poll(subtrees, listener, signal));
  }

  async close(): Promise<void> {
    await this.#followings.close();
    await this.#source.close();
  }

  async #poll(subtrees: readonly Subtree[], listener: SourceListener, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#ports;
    const {
      readTimeoutMs = READ_TIMEOUT_MS,
      firstRetryMs = FIRST_RETRY_MS,
      maxRetryMs = MAX_RETRY_MS,
    } = this.#timing;
    let last: Snapshot | undefined;
    let lost = true;
    for (let failures = 0; !signal.aborted; ) {
      let delayMs = this.#intervalMs;
      try {
        const snapshot = await withDeadline(clock, readTimeoutMs, signal, (bounded) =>
          this.#source.load(subtrees, bounded),
        );
        if (signal.aborted) return;
        if (lost) listener.found(`${this.name}, read every ${this.#intervalMs / 1000} s`);
        lost = false;
        failures = 0;
        const same =
          last !== undefined && last.origin === snapshot.origin && last.revision === snapshot.revision;
        if (!same) listener.snapshot(snapshot);
        last = snapshot;
      } catch (error) {
        if (signal.aborted) return;
        if (!lost || failures === 0) listener.lost(messageOf(error));
        lost = true;
        delayMs = Math.min(delayMs, backoffMs(random, failures++, firstRetryMs, maxRetryMs));
      }
      await pause(clock, delayMs, signal);
    }
  }
}

/** Runs `task` with a signal that aborts when the outer one does, or after `timeoutMs`. */
export async function withDeadline<Result>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  const end = (): void => abort.abort(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  const timer = clock.schedule(timeoutMs, () =>
    abort.abort(new ConfetdError('source', `no answer within ${timeoutMs / 1000} s`)),
  );
  try {
    return await task(abort.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', end);
  }
}

export const READ_TIMEOUT_MS = 15_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;
