import { assert } from '../base/assert.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Disk, DiskFile } from '../io/disk.js';
import type { Entry, HardState, SnapshotMetadata } from '../proto/generated/raft.js';
import { Metadata } from '../proto/generated/wal.js';
import { Encoder, FRAME_OVERHEAD } from './encoder.js';
import { writeFailed } from './errors.js';
import { Preallocator } from './preallocator.js';
import { recover } from './recovery.js';
import { newSegment, parentFolder, parseSegmentName, SEGMENT_BYTES, type Segment } from './segment.js';
import { makeStage, type Stage } from './stage.js';
import { WAL_FORMAT, type WalContents, type WalOptions } from './types.js';

/** The segment that is written to. */
interface Tail {
  readonly file: DiskFile;
  /** The same, opened as `durable`: a write and its sync are one turn of a thread, not two. */
  readonly durable: DiskFile;
  readonly path: string;
  /** Size of the file, all of it zeros after `used`; bytes. */
  readonly bytes: number;
  used: number;
  /** Whether some of what is used hasn't been synced: hard states with a new commit alone. */
  unsynced: boolean;
}

/** What an open log begins with. */
interface Start {
  readonly segments: Segment[];
  readonly metadata: Uint8Array;
  readonly tail: Tail;
  readonly encoder: Encoder;
  readonly lastIndex: number;
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
  #lastIndex: number;
  #hardState: HardState | undefined;
  #writing: Promise<void> | undefined;
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
    this.#lastIndex = start.lastIndex;
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
        lastIndex: 0,
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
    const { contents, segments, metadata, tail, crc, lastIndex } = found;
    const path = `${folder}/${(segments.at(-1) as Segment).name}`;
    const durable = await disk.open(path, 'durable').catch(async (error) => {
      await tail.file.close();
      throw error;
    });
    const wal = new Wal(disk, folder, options, {
      segments,
      metadata,
      tail: { file: tail.file, durable, path, bytes: tail.size, used: tail.used, unsynced: false },
      encoder: new Encoder(crc),
      lastIndex,
      hardState: contents.hardState,
    });
    return { wal, contents };
  }

  /** Index of the newest entry written, or of the snapshot the log goes on from. */
  get lastIndex(): number {
    return this.#lastIndex;
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
   * the hard state if it changed. Resolves when both are durable; a hard state that changes its commit alone is written
   * but not synced, as losing it loses nothing: a start takes the larger of it and what the state has applied, and the
   * leader tells it again (raft's MustSync).
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
      if (hardState !== undefined) this.#encoder.addHardState(hardState);
      await this.#write(true);
      this.#lastIndex = Math.max(this.#lastIndex, snapshot.index);
      this.#hardState = hardState ?? this.#hardState;
    });
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

  /** Ends all work, syncs what was written, and closes the files. Calls that wait for room on the disk are cancelled. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#preallocator.close();
    await this.#writing?.catch(() => undefined);
    await this.#releasing?.catch(() => undefined);
    try {
      if (this.#failure === undefined) await this.#tail.file.sync();
    } finally {
      await this.#tail.file.close();
      await this.#tail.durable.close();
    }
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
    assert(next <= this.#lastIndex + 1, `entry ${next} appended after ${this.#lastIndex}`);
    for (const entry of entries) {
      assert(entry.index === next++, 'entries appended out of order');
      bytes += entry.data.length + FRAME_OVERHEAD;
    }
    await this.#makeRoom(bytes);
    for (const entry of entries) this.#encoder.addEntry(entry);
    if (changed !== undefined) this.#encoder.addHardState(changed);
    await this.#write(entries.length > 0 || changed?.term !== before?.term || changed?.vote !== before?.vote);
    this.#hardState = changed ?? before;
    if (entries.length === 0) return;
    this.#lastIndex = next - 1;
    const segment = this.#segments.at(-1) as Segment;
    segment.maxIndex = Math.max(segment.maxIndex, this.#lastIndex);
  }

  /** Writes the encoder's batch at the end of the tail, which has room for it. */
  async #write(mustSync: boolean): Promise<void> {
    const tail = this.#tail;
    const { batch } = this.#encoder;
    assert(tail.used + batch.length <= tail.bytes, 'a batch without room in its segment');
    try {
      if (mustSync) {
        const began = this.#clock.monotonicMs();
        // A durable write leaves behind what was written without: a hole in the chain after a power loss.
        if (tail.unsynced) await tail.file.sync();
        await tail.durable.write(tail.used, batch);
        this.#onSync?.(this.#clock.monotonicMs() - began);
      } else {
        await tail.file.write(tail.used, batch);
      }
      tail.unsynced = !mustSync;
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
    const segment = newSegment((this.#segments.at(-1) as Segment).sequence + 1, this.#lastIndex + 1);
    const size = Math.max(this.#segmentBytes, head + bytes);
    try {
      const stage = await this.#preallocator.take(segment.sequence, size);
      // The next segment's head continues the CRC of all that is here, so it must never outlive any of it.
      if (this.#tail.unsynced) await this.#tail.file.sync();
      this.#encoder.addCrc();
      this.#encoder.addMetadata(this.#metadata);
      if (this.#hardState !== undefined) this.#encoder.addHardState(this.#hardState);
      const full = this.#tail;
      this.#tail = await activate(this.#disk, this.#folder, stage, segment, this.#encoder);
      this.#segments.push(segment);
      await full.file.close();
      await full.durable.close();
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

/**
 * Makes a stage the segment it is for: writes the encoder's batch as its head, then gives it its name, each durable
 * before the next step. So a file with a segment's name always has a whole head, and always follows durable records.
 */
async function activate(
  disk: Disk,
  folder: string,
  stage: Stage,
  segment: Segment,
  encoder: Encoder,
): Promise<Tail> {
  const path = `${folder}/${segment.name}`;
  const { batch } = encoder;
  await stage.file.write(0, batch);
  await stage.file.sync();
  await disk.rename(stage.path, path);
  await disk.syncFolder(folder);
  const durable = await disk.open(path, 'durable');
  const used = batch.length;
  encoder.reset();
  return { file: stage.file, durable, path, bytes: stage.bytes, used, unsynced: false };
}

function sameState(a: HardState, b: HardState | undefined): boolean {
  return b !== undefined && a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}
