import { ConfetdError, systemCode } from '../base/errors.js';
import { backoffMs, pause } from '../client/backoff.js';
import type { PollPorts } from './polled.js';
import type { SourceTiming } from './timing.js';
import type { Following, History, Snapshot, Source, SourceListener, Subtree } from './types.js';

/** A source whose `load` is tried again where the store could not be reached. Following retries by itself, for ever. */
export class RetryingSource implements Source {
  readonly #source: Source;
  readonly #timing: SourceTiming;
  readonly #ports: PollPorts;

  constructor(source: Source, timing: SourceTiming, ports: PollPorts) {
    this.#source = source;
    this.#timing = timing;
    this.#ports = ports;
  }

  get name(): string {
    return this.#source.name;
  }

  get history(): History | undefined {
    return this.#source.history;
  }

  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    const { loadAttempts = 1, firstRetryMs, maxRetryMs } = this.#timing;
    const { clock, random } = this.#ports;
    let before: unknown;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#source.load(subtrees, signal);
      } catch (error) {
        // One that was cut off in the middle knows less than the one before it.
        if (signal.aborted) throw before ?? error;
        if (attempt >= loadAttempts || !isUnreachable(error)) throw error;
        before = error;
        await pause(clock, backoffMs(random, attempt - 1, firstRetryMs, maxRetryMs), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    return this.#source.follow(subtrees, listener);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/** Whether nobody answered. A login that is refused isn't tried again: some stores lock the account after a few. */
export function isUnreachable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ConfetdError && (at.code === 'unavailable' || at.code === 'deadline_exceeded'))
      return true;
    if (UNREACHABLE.has(systemCode(at) ?? '')) return true;
  }
  return false;
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
]);
