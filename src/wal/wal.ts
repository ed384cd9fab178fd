import { assert } from '../base/assert.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Disk } from '../io/disk.js';
import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';
import { Metadata } from '../proto/generated/wal.js';
import { Encoder, FRAME_OVERHEAD } from './encoder.js';
import { EntryIndex, type Place } from './entry-index.js';
import { writeFailed } from './errors.js';
import { Preallocator } from './preallocator.js';
import { readExtent } from './read-back.js';
import { recover } from './recovery.js';
import { newSegment, parentFolder, parseSegmentName, SEGMENT_BYTES, type Segment } from './segment.js';
import { makeStage } from './stage.js';
import { activate, type Tail } from './tail.js';
import { WAL_FORMAT, type WalContents, type WalOptions } from './types.js';

/** Encoded in one turn of the event loop, about: 1 ms. */
const SLICE_BYTES = 128 * 1024;

/** What an open log begins with. */
interface Start {
  readonly segments: Segment[];
  readonly metadata: Uint8Array;
  readonly tail: Tail;
  readonly encoder: Encoder;
  readonly index: EntryIndex;
  readonly hardState: HardState | undefined;
}

/**
 * The write-ahead log, in etcd's format: a chain of segments of framed records under one rolling CRC32C.
 *
 * A batch lies in one segment, in space that was zeros on the disk before: one durable write (O_DSYNC), no change of the
 * file's size. One call of {@link append} or {@link saveSnapshot} at a time. After a failed write or sync nothing
 * is known of the disk, so every later call rejects with the same `disk` error.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #segmentBytes: number;
  readonly #onSync: ((durationMs: number) => void) | undefined;
  readonly #metadata: Uint8Array;
  readonly #encoder: Encoder;
  readonly #preallocator: Preallocator;
  readonly #segments: Segment[];
  #tail: Tail;
  readonly #index: EntryIndex;
  #hardState: HardState | undefined;
  #writing: Promise<void> | undefined;
  readonly #reads = new Set<Promise<unknown>>();
  #releasing: Promise<void> | undefined;
  #releaseIndex = 0;
  #failure: ConfetdError | undefined;
  #closed = false;

  private constructor(disk: Disk, folder: string, options: WalOptions, start: Start) {
    this.#disk = disk;
    this.#folder = folder;
    this.#clock = options.clock;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#onSync = options.onSync;
    this.#preallocator = new Preallocator(disk, folder, options.clock, options.onDiskFull);
    this.#metadata = start.metadata;
    this.#encoder = start.encoder;
    this.#segments = start.segments;
    this.#tail = start.tail;
    this.#index = start.index;
    this.#hardState = start.hardState;
    this.#prepareNext();
  }

  /**
   * Makes an empty log in `folder` (made, with its parents, where missing); when it resolves, the folder's content is
   * durable, and so is its own name. Fails with `data_folder` where there is a log, with `disk` on a bad or full disk.
   */
  static async create(
    disk: Disk,
    folder: string,
    metadata: Omit<Metadata, 'format'>,
    options: WalOptions,
  ): Promise<Wal> {
    await disk.makeFolder(folder);
    if ((await disk.list(folder)).some((name) => parseSegmentName(name) !== undefined)) {
      throw new ConfetdError('data_folder', `${folder} already holds a log: give --data-dir another folder`);
    }
    const encoded = Metadata.encode({ ...metadata, format: WAL_FORMAT }).finish();
    const encoder = new Encoder(0);
    encoder.addCrc();
    encoder.addMetadata(encoded);
    // Where a reader that wants no snapshot begins; etcd doesn't open a log without it.
    encoder.addSnapshot({ index: 0, term: 0, confState: undefined });
    const segment = newSegment(0, 0);
    const bytes = Math.max(options.segmentBytes ?? SEGMENT_BYTES, encoder.batch.length);
    const path = `${folder}/${segment.name}`;
    try {
      const stage = await makeStage(disk, folder, 0, bytes);
      const tail = await activate(disk, folder, stage, segment, encoder);
      await disk.syncFolder(parentFolder(folder));
      const start = {
        segments: [segment],
        metadata: encoded,
        tail,
        encoder,
        index: new EntryIndex(1),
        hardState: undefined,
      };
      return new Wal(disk, folder, options, start);
    } catch (error) {
      throw writeFailed(path, error);
    }
  }

  /**
   * Opens the log in `folder` and reads it: every retained record is checked, entries after `afterIndex` are returned,
   * a torn tail is cut off. Errors: `wal_corrupt` (with file and byte) for what no interrupted write explains, or
   * when the log begins after `afterIndex` + 1; `data_folder` for a folder without a log or in a newer format.
   * Whether the log reaches as far as the state does is for the caller to check.
   */
  static async open(
    disk: Disk,
    folder: string,
    afterIndex: number,
    options: WalOptions,
  ): Promise<{ wal: Wal; contents: WalContents }> {
    const found = await recover(disk, folder, afterIndex);
    const { contents, segments, metadata, tail, crc, index } = found;
    const path = `${folder}/${(segments.at(-1) as Segment).name}`;
    const file = await disk.open(path, 'durable');
    const wal = new Wal(disk, folder, options, {
      segments,
      metadata,
      tail: { file, path, bytes: tail.size, used: tail.used },
      encoder: new Encoder(crc),
      index,
      hardState: contents.hardState,
    });
    return { wal, contents };
  }

  /** Index of the newest entry written, or of the snapshot the log goes on from. */
  get lastIndex(): number {
    return this.#index.lastIndex;
  }

  /** Index of the first entry that {@link read} can give; `lastIndex` + 1 where there is none. */
  get firstIndex(): number {
    return this.#index.firstIndex;
  }

  /** The term of a retained entry, and of the one before the first where it is known; undefined for any other. */
  term(index: number): number | undefined {
    return this.#index.term(index);
  }

  /** Whether the disk was too full for the next segment at the last try; it is tried again till there is room. */
  get diskFull(): boolean {
    return this.#preallocator.full;
  }

  /** The error after which this log takes nothing more. */
  get failure(): ConfetdError | undefined {
    return this.#failure;
  }

  /** Names of the retained segments, oldest first. */
  get segments(): readonly string[] {
    return this.#segments.map((segment) => segment.name);
  }

  /**
   * Appends entries, whose indexes rise by one from at most `lastIndex` + 1 (a lower one replaces what was there), and
   * the hard state if it changed. Resolves when both are durable.
   */
  append(entries: readonly Entry[], hardState: HardState | undefined): Promise<void> {
    return this.#exclusive(() => this.#append(entries, hardState));
  }

  /**
   * Records an installed snapshot, and with it the hard state that belongs to it, durably: the log goes on after its
   * index, and what it held before is void unless the snapshot is an entry of the log itself.
   */
  saveSnapshot(snapshot: SnapshotMetadata, hardState?: HardState): Promise<void> {
    return this.#exclusive(async () => {
      const conf = snapshot.confState;
      const members = (conf?.voters.length ?? 0) + (conf?.learners.length ?? 0);
      await this.#makeRoom(3 * FRAME_OVERHEAD + 10 * members);
      this.#encoder.addSnapshot(snapshot);
      const place = this.#place(0, this.#encoder.length);
      // What is committed beyond it is told by the entries that follow: a log must never end before its commit index.
      const { index } = snapshot;
      const state = hardState && { ...hardState, commit: Math.min(hardState.commit, index) };
      if (state !== undefined) this.#encoder.addHardState(state);
      await this.#write();
      this.#index.addSnapshot(snapshot, place);
      this.#hardState = state ?? this.#hardState;
    });
  }

  /**
   * Reads back entries [low, high), all of them retained: at least one, then as many as lie in `maxBytes` of the log.
   * May run while entries are appended and segments released; the caller bounds how many reads run at a time. Rejects
   * with `wal_corrupt` or `disk`, naming file and byte, and with `cancelled` once the log is closed.
   */
  read(low: number, high: number, maxBytes: number): Promise<Entry[]> {
    if (this.#closed) return Promise.reject(this.#cancelled());
    const located = this.#index.locate(low, high, maxBytes);
    const reading = this.#read(located).finally(() => this.#reads.delete(reading));
    this.#reads.add(reading);
    return reading;
  }

  async #read({ extents, terms }: ReturnType<EntryIndex['locate']>): Promise<Entry[]> {
    // Before the first wait: a segment that is released is read to the end, and then deleted.
    const paths = extents.map(({ sequence }) => this.#pathOf(sequence));
    const entries: Entry[] = [];
    for (const [at, extent] of extents.entries()) {
      if (this.#closed) throw this.#cancelled();
      for (const entry of await readExtent(this.#disk, paths[at] as string, extent, terms))
        entries.push(entry);
    }
    return entries;
  }

  #pathOf(sequence: number): string {
    const [oldest] = this.#segments;
    const segment = this.#segments[sequence - (oldest?.sequence ?? 0)];
    assert(segment?.sequence === sequence, `segment ${sequence} of the log is gone`);
    return `${this.#folder}/${segment.name}`;
  }

  /**
   * Deletes the oldest segments as long as all their entries are at or below `index`; never the last one. May run
   * while entries are appended; a second call joins the first.
   */
  release(index: number): Promise<void> {
    this.#releaseIndex = Math.max(this.#releaseIndex, index);
    this.#releasing ??= this.#deleteReleased().finally(() => {
      this.#releasing = undefined;
    });
    return this.#releasing;
  }

  /** Ends all work and closes the files. Calls that wait for room on the disk are cancelled. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#preallocator.close();
    await this.#writing?.catch(() => undefined);
    await this.#releasing?.catch(() => undefined);
    await Promise.allSettled(this.#reads);
    await this.#tail.file.close();
  }

  #exclusive(work: () => Promise<void>): Promise<void> {
    assert(this.#writing === undefined, 'one write to the log at a time');
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(this.#cancelled());
    const writing = work().finally(() => {
      this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #append(entries: readonly Entry[], hardState: HardState | undefined): Promise<void> {
    const before = this.#hardState;
    const changed = hardState !== undefined && !sameState(hardState, before) ? hardState : undefined;
    if (entries.length === 0 && changed === undefined) return;
    let bytes = FRAME_OVERHEAD;
    let next = (entries[0]?.index ?? 0) as number;
    assert(next <= this.lastIndex + 1, `entry ${next} appended after ${this.lastIndex}`);
    for (const entry of entries) {
      assert(entry.index === next++, 'entries appended out of order');
      bytes += entry.data.length + FRAME_OVERHEAD;
    }
    await this.#makeRoom(bytes);
    const places = await this.#encode(entries);
    if (changed !== undefined) this.#encoder.addHardState(changed);
    await this.#write();
    this.#hardState = changed ?? before;
    const segment = this.#segments.at(-1) as Segment;
    for (const [at, { index, term }] of entries.entries()) {
      this.#index.add(index, term, places[at] as Place);
      segment.maxIndex = Math.max(segment.maxIndex, index);
    }
  }

  /** Adds entries to the batch, the event loop breathing in between: a follower that lags is sent thousands at once. */
  async #encode(entries: readonly Entry[]): Promise<Place[]> {
    const places: Place[] = [];
    let breath = SLICE_BYTES;
    for (const entry of entries) {
      const begin = this.#encoder.length;
      if (begin > breath) {
        await this.#clock.yield();
        breath = begin + SLICE_BYTES;
      }
      this.#encoder.addEntry(entry);
      places.push(this.#place(begin, this.#encoder.length));
    }
    return places;
  }

  /** Where bytes [begin, end) of the batch go. */
  #place(begin: number, end: number): Place {
    const { used } = this.#tail;
    const { sequence } = this.#segments.at(-1) as Segment;
    return { sequence, offset: used + begin, end: used + end };
  }

  /** Writes the encoder's batch at the end of the tail, which has room for it. */
  async #write(): Promise<void> {
    const tail = this.#tail;
    const { batch } = this.#encoder;
    assert(tail.used + batch.length <= tail.bytes, 'a batch without room in its segment');
    try {
      const began = this.#clock.monotonicMs();
      await tail.file.write(tail.used, batch);
      this.#onSync?.(this.#clock.monotonicMs() - began);
    } catch (error) {
      throw this.#fail(writeFailed(tail.path, error));
    }
    tail.used += batch.length;
    this.#encoder.reset();
    this.#prepareNext();
  }

  /** Moves on to the next segment unless the tail has `bytes` left. */
  async #makeRoom(bytes: number): Promise<void> {
    if (this.#tail.used + bytes <= this.#tail.bytes) return;
    const head = this.#metadata.length + 3 * FRAME_OVERHEAD;
    const segment = newSegment((this.#segments.at(-1) as Segment).sequence + 1, this.lastIndex + 1);
    const size = Math.max(this.#segmentBytes, head + bytes);
    try {
      const stage = await this.#preallocator.take(segment.sequence, size);
      this.#encoder.addCrc();
      this.#encoder.addMetadata(this.#metadata);
      if (this.#hardState !== undefined) this.#encoder.addHardState(this.#hardState);
      const full = this.#tail;
      this.#tail = await activate(this.#disk, this.#folder, stage, segment, this.#encoder);
      this.#segments.push(segment);
      await full.file.close();
    } catch (error) {
      if (this.#closed && error instanceof ConfetdError) throw error;
      throw this.#fail(writeFailed(`${this.#folder}/${segment.name}`, error));
    }
  }

  /** Begins to make the next segment ready once the tail is half full. */
  #prepareNext(): void {
    if (this.#closed || this.#preallocator.started || this.#tail.used * 2 < this.#tail.bytes) return;
    const sequence = (this.#segments.at(-1) as Segment).sequence + 1;
    this.#preallocator.start(sequence, this.#segmentBytes).catch((error: unknown) => {
      if (!this.#closed) this.#fail(writeFailed(`${this.#folder}/${newSegment(sequence, 0).name}`, error));
    });
  }

  async #deleteReleased(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const [oldest] = this.#segments;
      const releasable =
        this.#segments.length > 1 && oldest !== undefined && oldest.maxIndex <= this.#releaseIndex;
      if (!releasable || this.#closed) return;
      const path = `${this.#folder}/${oldest.name}`;
      // No read finds it any more; those that have are waited for.
      this.#index.drop(oldest.sequence);
      await Promise.allSettled(this.#reads);
      try {
        await this.#disk.remove(path);
        // Each removal before the next one: a power loss that kept the second alone would leave a hole in the chain.
        await this.#disk.syncFolder(this.#folder);
      } catch (error) {
        throw this.#fail(writeFailed(path, error));
      }
      this.#segments.shift();
    }
  }

  #fail(error: ConfetdError): ConfetdError {
    this.#failure ??= error;
    return this.#failure;
  }

  #cancelled(): ConfetdError {
    return new ConfetdError('cancelled', `the log in ${this.#folder} was closed`);
  }
}

function sameState(a: HardState, b: HardState | undefined): boolean {
  return b !== undefined && a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}
