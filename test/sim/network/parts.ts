import { createHash } from 'node:crypto';
import { ConfetdError } from '../../../src/base/errors.js';
import type { Clock, Timer } from '../../../src/io/clock.js';
import { unavailable } from './unavailable.js';

/** A stream on which nothing comes for so long counts as broken. */
const IDLE_MS = 4_000;

/** The receiving end of a snapshot's stream: its parts, in order, and at the end whether they are what was sent. */
export class Parts {
  readonly #clock: Clock;
  #queue: Buffer[] = [];
  #digest: Buffer | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  push(part: Buffer): void {
    this.#queue.push(part);
    this.#wake?.();
  }

  end(digest: Buffer): void {
    this.#digest = digest;
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const part = this.#queue.shift();
      if (part !== undefined) {
        hash.update(part);
        yield part;
      } else if (this.#digest === undefined) {
        await this.#more();
      } else if (hash.digest().equals(this.#digest)) {
        return;
      } else {
        throw new ConfetdError('data_loss', 'the snapshot is damaged: its digest is another one');
      }
    }
  }

  async #more(): Promise<void> {
    let idle: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      idle = this.#clock.schedule(IDLE_MS, () => this.fail(unavailable('nothing more has come')));
    });
    idle?.cancel();
    this.#wake = undefined;
  }
}
