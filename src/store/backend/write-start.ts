import type { RootDatabase } from 'lmdb';

/** What of lmdb's native side is used here; it declares none of it. */
interface Environment {
  /** Sends a thread to carry out what was queued from an address on. `progress` hears 1 while it goes on. */
  startWriting(address: number, progress: (status: number) => void): void;
}

const GOES_ON = 1;

/**
 * lmdb lists what is to be written in shared memory, and in the next turn sends a thread there, which commits when it
 * comes to the end of the list. What is listed over several turns is therefore one transaction only if the thread is
 * sent when the list is complete: this holds it back until then. Before, nothing has been written at all.
 */
export class WriteStart {
  readonly #canHold: boolean;
  #isHeld = false;
  #start: (() => void) | undefined;
  #progress: ((status: number) => void) | undefined;

  constructor(root: RootDatabase<Buffer, Buffer>) {
    const environment = 'env' in root ? (root.env as Partial<Environment>) : undefined;
    const startWriting = environment?.startWriting?.bind(environment);
    this.#canHold = startWriting !== undefined;
    if (environment === undefined || startWriting === undefined) return;
    const start: Environment['startWriting'] = (address, progress) => {
      this.#progress = progress;
      if (this.#isHeld) this.#start = () => startWriting(address, progress);
      else startWriting(address, progress);
    };
    Object.defineProperty(environment, 'startWriting', { value: start, configurable: true });
  }

  /** From now on the thread isn't sent. False: it can't be held back, so all must be listed in this turn. */
  hold(): boolean {
    this.#isHeld = this.#canHold;
    return this.#isHeld;
  }

  /** Sends the thread. */
  release(): void {
    this.#isHeld = false;
    const start = this.#start;
    this.#start = undefined;
    start?.();
  }

  /** Lets lmdb forget what the thread has done so far; at the end, of half a million rows, that would take long. */
  tidy(): void {
    this.#progress?.(GOES_ON);
  }
}
