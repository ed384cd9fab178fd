import type { WatchBatch, Watcher, WatchSink } from '../../store/types.js';
import { type EventCache, encodeWatchId, joinResponse } from './codec/watch-response.js';
import type { WatchOutput } from './watch-output.js';

/** Bytes of events after which merged revisions go out. */
const MERGE_BYTES = 64 * 1024;

/** What a client asked of one watcher, beside the range. */
export interface ChannelSpec {
  readonly id: bigint;
  readonly prevKv: boolean;
  readonly progressNotify: boolean;
  /** Bytes above which one revision may be split over several responses; 0: never. */
  readonly fragmentBytes: number;
}

/** What a channel needs of its stream. */
export interface ChannelPort {
  readonly output: WatchOutput;
  readonly events: EventCache;
  /** The encoded header of a revision. */
  header(revision: number): Buffer;
  /** The channel holds events: flush it before this turn ends. */
  dirty(channel: WatchChannel): void;
  /** The channel stopped for want of room. */
  stalled(channel: WatchChannel): void;
  ended(channel: WatchChannel, compactRevision: number): void;
}

/**
 * One watcher of a stream: turns revisions into responses. A live revision leaves at once; while history is
 * replayed, whole revisions are merged, so that catching up costs one response for many.
 */
export class WatchChannel implements WatchSink {
  readonly spec: ChannelSpec;
  /** Set by the stream, right after the watcher exists. */
  watcher: Watcher | undefined;
  /** No event since the last progress notification was due. */
  quiet = true;
  readonly #port: ChannelPort;
  readonly #id: Buffer;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldRevision = 0;

  constructor(spec: ChannelSpec, port: ChannelPort) {
    this.spec = spec;
    this.#port = port;
    this.#id = encodeWatchId(spec.id);
  }

  /** Nothing at or below the store's revision is missing from what was sent. */
  get synced(): boolean {
    return this.#held.length === 0 && this.watcher?.synced === true;
  }

  deliver(batch: WatchBatch): boolean {
    this.quiet = false;
    const { events, output } = this.#port;
    const encoded: Buffer[] = [];
    let bytes = 0;
    for (const event of batch.events) {
      const field = events.encode(event, this.spec.prevKv);
      encoded.push(field);
      bytes += field.length;
    }
    if (this.spec.fragmentBytes > 0 && bytes >= this.spec.fragmentBytes) {
      this.flush();
      this.#sendFragments(batch.revision, encoded);
    } else if (batch.committedAtMs !== undefined && this.#held.length === 0) {
      output.send(joinResponse(this.#port.header(batch.revision), this.#id, encoded, false));
    } else {
      this.#hold(batch.revision, encoded, bytes);
    }
    if (!output.full) return true;
    this.flush();
    this.#port.stalled(this);
    return false;
  }

  compacted(compactRevision: number): void {
    this.flush();
    this.#port.ended(this, compactRevision);
  }

  /** Sends what is held. */
  flush(): void {
    if (this.#held.length === 0) return;
    const { output } = this.#port;
    const message = joinResponse(this.#port.header(this.#heldRevision), this.#id, this.#held, false);
    output.hold(-this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    output.send(message);
  }

  /** Forgets what is held; the watcher is over. */
  drop(): void {
    this.#port.output.hold(-this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }

  #hold(revision: number, events: readonly Buffer[], bytes: number): void {
    // A merged response must stay under the size from which a client that allows fragments wants them.
    const limit = this.spec.fragmentBytes > 0 ? Math.min(MERGE_BYTES, this.spec.fragmentBytes) : MERGE_BYTES;
    if (this.#heldBytes + bytes > limit) this.flush();
    if (this.#held.length === 0) this.#port.dirty(this);
    this.#held.push(...events);
    this.#heldBytes += bytes;
    this.#heldRevision = revision;
    this.#port.output.hold(bytes);
    if (this.#heldBytes >= limit) this.flush();
  }

  #sendFragments(revision: number, events: readonly Buffer[]): void {
    const header = this.#port.header(revision);
    let part: Buffer[] = [];
    let bytes = 0;
    for (const event of events) {
      if (part.length > 0 && bytes + event.length >= this.spec.fragmentBytes) {
        this.#port.output.send(joinResponse(header, this.#id, part, true));
        part = [];
        bytes = 0;
      }
      part.push(event);
      bytes += event.length;
    }
    this.#port.output.send(joinResponse(header, this.#id, part, false));
  }
}
