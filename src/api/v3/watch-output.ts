import type { RawCall } from './raw-call.js';

/** gRPC's prefix of each message. */
const FRAME_BYTES = 5;

/** The answers of one watch stream that have not left yet, in order, and how many bytes they are. */
export class WatchOutput {
  readonly #call: RawCall;
  readonly #highBytes: number;
  readonly #room: () => void;
  #queuedBytes = 0;
  #heldBytes = 0;
  #wasFull = false;

  /** `room` is called when a full output has emptied by half. */
  constructor(call: RawCall, highBytes: number, room: () => void) {
    this.#call = call;
    this.#highBytes = highBytes;
    this.#room = room;
  }

  /** Whether to stop delivering. What is taken while full is still sent: the bound is soft by one revision. */
  get full(): boolean {
    const full = this.#queuedBytes + this.#heldBytes >= this.#highBytes;
    if (full) this.#wasFull = true;
    return full;
  }

  /** Counts bytes that wait to be merged into one answer; negative when they are handed to {@link send}. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  send(message: Buffer): void {
    const bytes = message.length + FRAME_BYTES;
    this.#queuedBytes += bytes;
    this.#call.sendMessage(message, () => {
      this.#queuedBytes -= bytes;
      if (this.#wasFull && this.#queuedBytes + this.#heldBytes <= this.#highBytes / 2) {
        this.#wasFull = false;
        this.#room();
      }
    });
  }
}
