import type { CommandResult, CommandSpec, RunCommand } from '../command/types.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { environmentOf, linesOf } from './input.js';
import { DEFAULT_LIMITS, Pending, type PendingLimits } from './pending.js';
import type { HookBatch, HookInput } from './types.js';

export interface HookOptions {
  /** For logs. */
  readonly name: string;
  readonly command: CommandSpec;
  readonly timeoutMs: number;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Log;
  /** What to do with a batch whose run failed: `again` (with backoff, until one succeeds) or `never`. */
  readonly retry: 'again' | 'never';
  readonly limits?: PendingLimits;
  /** Told of each run's end. */
  readonly onResult?: (result: CommandResult, input: HookInput) => void;
  /** Told of output as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/**
 * Runs a command for changes: one run at a time, and what arrives meanwhile goes to the next one, in order. With
 * `retry: 'again'` every change is part of a successful run at least once (so the command must bear repetition): a failed
 * batch comes again, together with what is newer, after 1 s, 2 s, … 60 s. Past the limits only the last change of each key is kept.
 */
export class HookRunner {
  readonly #options: HookOptions;
  readonly #pending: Pending;
  readonly #abort = new AbortController();
  #running = false;
  #failures = 0;
  #retryTimer: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: HookOptions) {
    this.#options = options;
    this.#pending = new Pending(options.limits ?? DEFAULT_LIMITS);
  }

  /**
   * Takes a batch. False: taken, but the limits are passed and changes of one key are being merged; who can hold back
   * should, until {@link idle}.
   */
  push(batch: HookBatch): boolean {
    if (this.#abort.signal.aborted || batch.events.length === 0) return true;
    const mergedBefore = this.#pending.merged;
    this.#pending.add(batch);
    if (this.#pending.merged && !mergedBefore) {
      const fields = { hook: this.#options.name, revision: batch.revision };
      this.#options.log.warn(
        fields,
        'changes come faster than the hook runs: only the last of each key is kept',
      );
    }
    this.#start();
    return !this.#pending.merged;
  }

  /** Resolves once nothing runs and nothing waits, or after {@link close}. */
  idle(): Promise<void> {
    if (!this.#running && (this.#pending.empty || this.#abort.signal.aborted)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends a run that is under way, and starts none. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    if (!this.#running) this.#tellIdle();
    await this.idle();
  }

  #start(): void {
    if (this.#running || this.#retryTimer !== undefined || this.#abort.signal.aborted) return;
    const input = this.#pending.take();
    if (input === undefined) {
      this.#tellIdle();
      return;
    }
    this.#running = true;
    // RunCommand never rejects, and neither does what follows it but for a broken callback.
    void this.#run(input).finally(() => {
      this.#running = false;
      if (this.#abort.signal.aborted) this.#tellIdle();
      else this.#start();
    });
  }

  async #run(input: HookInput): Promise<void> {
    const { command, timeoutMs, run, log, name, retry, onOutput } = this.#options;
    const result = await run(command, {
      timeoutMs,
      env: environmentOf(input),
      input: linesOf(input),
      signal: this.#abort.signal,
      ...(onOutput === undefined ? {} : { onOutput }),
    });
    const fields = {
      hook: name,
      revision: input.revision,
      count: input.count,
      outcome: result.outcome,
      ms: result.durationMs,
    };
    if (result.ok) {
      this.#failures = 0;
      log.info(fields, 'hook ran');
    } else if (!this.#abort.signal.aborted) {
      log.error({ ...fields, output: result.output }, 'hook failed');
      if (retry === 'again') this.#retryLater(input);
    }
    this.#options.onResult?.(result, input);
  }

  #retryLater(input: HookInput): void {
    this.#pending.putBack(input);
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#retryTimer = this.#options.clock.schedule(delayMs, () => {
      this.#retryTimer = undefined;
      this.#start();
    });
  }

  #tellIdle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
