import { ConfetdError, messageOf } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import { type Backend, BackendFullError, type Write } from './backend/backend.js';

/** Between two attempts to write a batch that found no room: the first pause, which doubles, and the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** A write that takes so long is told of, each time again. */
const STALL_MS = 10_000;
/** One that takes so long has failed, whatever becomes of it. */
const MAX_STALL_MS = 300_000;

export interface WriterOptions {
  readonly clock: Clock;
  /** The backend failed: told once. Nothing is written after it, and the member must halt. */
  readonly onFailure: (error: ConfetdError) => void;
  /** True: the disk has no room, for the reason given; what is applied waits in memory. False: there is room again. */
  readonly onFull?: (full: boolean, reason: string) => void;
  /** A batch has been on its way for so long, and still is. */
  readonly onStalled?: (seconds: number) => void;
}

/**
 * Hands batches to the backend, one at a time. One that finds no room is kept and tried again until it fits: its rows
 * are absolute, so nothing is lost or counted twice. Any other failure is final.
 */
export class BatchWriter {
  readonly #backend: Backend;
  readonly #options: WriterOptions;
  #attempt: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #pauseMs = 0;
  #full = false;
  #stopped = false;

  constructor(backend: Backend, options: WriterOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** A batch is waiting for room. */
  get full(): boolean {
    return this.#full;
  }

  /** Not before the one before it is `written`. */
  write(batch: Iterable<Write>, written: () => void): void {
    this.#watch(STALL_MS);
    this.#attempt = this.#backend.write(batch).then(
      () => {
        this.#settled();
        if (this.#stopped) return;
        this.#pauseMs = 0;
        if (this.#full) this.#tellFull(false, '');
        written();
      },
      (error) => {
        this.#settled();
        if (this.#stopped) return;
        if (error instanceof BackendFullError) this.#later(batch, written, error);
        else this.#fail(error);
      },
    );
  }

  /** Tries no more; resolves when no write is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#settled();
    await this.#attempt;
  }

  #later(batch: Iterable<Write>, written: () => void, error: BackendFullError): void {
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    this.#timer = this.#options.clock.schedule(this.#pauseMs, () => this.write(batch, written));
    if (!this.#full) this.#tellFull(true, error.message);
  }

  #tellFull(full: boolean, reason: string): void {
    this.#full = full;
    this.#options.onFull?.(full, reason);
  }

  #watch(sinceMs: number): void {
    this.#timer = this.#options.clock.schedule(STALL_MS, () => {
      if (sinceMs < MAX_STALL_MS) {
        this.#options.onStalled?.(sinceMs / 1_000);
        this.#watch(sinceMs + STALL_MS);
        return;
      }
      // Given up: nobody waits for it any more.
      this.#attempt = Promise.resolve();
      this.#fail(new Error(`a write has taken ${sinceMs / 1_000} seconds`));
    });
  }

  #settled(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #fail(error: unknown): void {
    this.#stopped = true;
    this.#options.onFailure(
      new ConfetdError(
        'disk',
        `the state could not be written: ${messageOf(error)}; check the disk of the data folder`,
        { cause: error },
      ),
    );
  }
}
