import type { Log } from '../io/log.js';

/** Whether the log or the state waits for room on the disk, and saying so. */
export class FullDisk {
  readonly #folder: string;
  readonly #logger: Log;
  #logFull = false;
  #stateFull = false;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#logger = log;
  }

  get isFull(): boolean {
    return this.#logFull || this.#stateFull;
  }

  /** The next WAL segment has no room, or has it again. */
  log(full: boolean): void {
    this.#logFull = full;
    this.#tell(full, 'the next WAL segment');
  }

  /** The state can't be written, or can again. */
  state(full: boolean): void {
    this.#stateFull = full;
    this.#tell(full, 'the state');
  }

  /** A write of the state has been under way for so long. */
  stalled(seconds: number): void {
    this.#logger.warn(
      { folder: this.#folder, seconds },
      'the disk takes very long to write the state: writes wait for it',
    );
  }

  #tell(full: boolean, what: string): void {
    const folder = { folder: this.#folder };
    if (full) {
      this.#logger.error(
        folder,
        `the disk is too full for ${what}: writes wait until there is room (nothing acknowledged is lost)`,
      );
    } else {
      this.#logger.info(folder, `there is room for ${what} again`);
    }
  }
}
