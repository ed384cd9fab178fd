import { ConfetdError, systemCode } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import { makeStage, type Stage } from './stage.js';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/**
 * Makes the next segment ready while the current one fills, so that no batch waits for it. A full disk is retried,
 * with growing pauses, until there is room or the log is closed: no record was lost by it.
 *
 * The stage keeps its own name till the log moves on to it: a segment's name holds its first entry's index, which
 * isn't known before.
 */
export class Preallocator {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #onDiskFull: ((full: boolean) => void) | undefined;
  #stage: Promise<Stage> | undefined;
  #full = false;
  #closed = false;
  #retry: { timer: Timer; wake: () => void } | undefined;

  constructor(disk: Disk, folder: string, clock: Clock, onDiskFull: ((full: boolean) => void) | undefined) {
    this.#disk = disk;
    this.#folder = folder;
    this.#clock = clock;
    this.#onDiskFull = onDiskFull;
  }

  /** Whether the last try found the disk full. */
  get full(): boolean {
    return this.#full;
  }

  get started(): boolean {
    return this.#stage !== undefined;
  }

  /** Begins to make the segment `sequence` ready; rejects like {@link take}. */
  start(sequence: number, bytes: number): Promise<Stage> {
    this.#stage ??= this.#prepare(sequence, bytes);
    return this.#stage;
  }

  /**
   * The ready stage of segment `sequence`, at least `bytes` long. Rejects with the disk's error (never a full disk),
   * or `cancelled` once closed.
   */
  async take(sequence: number, bytes: number): Promise<Stage> {
    let stage = await this.start(sequence, bytes);
    // A batch larger than a whole segment: it gets one of its size.
    if (stage.bytes < bytes) {
      this.#stage = this.#enlarge(stage, sequence, bytes);
      stage = await this.#stage;
    }
    this.#stage = undefined;
    return stage;
  }

  /** Ends waiting; a stage that was made is left to the next start, which removes it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.timer.cancel();
    this.#retry?.wake();
    const promised = this.#stage;
    const stage = await promised?.catch(() => undefined);
    // Unless a batch that waited for it has just taken it.
    if (this.#stage !== promised) return;
    this.#stage = undefined;
    await stage?.file.close();
  }

  async #enlarge(small: Stage, sequence: number, bytes: number): Promise<Stage> {
    await small.file.close();
    return this.#prepare(sequence, bytes);
  }

  async #prepare(sequence: number, bytes: number): Promise<Stage> {
    for (let pause = FIRST_RETRY_MS; ; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
      if (this.#closed) throw new ConfetdError('cancelled', `the log in ${this.#folder} was closed`);
      try {
        const stage = await makeStage(this.#disk, this.#folder, sequence, bytes);
        this.#tell(false);
        return stage;
      } catch (error) {
        if (!isFull(error)) throw error;
        this.#tell(true);
        await this.#pause(pause);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#retry = { timer: this.#clock.schedule(ms, resolve), wake: resolve };
    });
  }

  #tell(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    this.#onDiskFull?.(full);
  }
}

function isFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
