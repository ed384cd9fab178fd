import { varint64Bytes, varintBytes, writeVarint, writeVarint64 } from '../base/varint.js';
import { type Entry, type Message, Snapshot } from '../proto/generated/raft.js';
import { FRAME_HEAD_BYTES, writeFrameHead } from './frames.js';

/** A message and what {@link MessageEncoder.bytes} says of it. */
export interface SizedMessage {
  readonly message: Message;
  readonly bytes: number;
}

const MAX_IDS = 64;
/** Field number and wire type of MessageBatch.messages, Message.entries and Message.snapshot. */
const MESSAGES_TAG = 0x1a;
const ENTRIES_TAG = 0x3a;
const SNAPSHOT_TAG = 0x4a;

/**
 * Encodes batches of raft messages, by hand because every write of the cluster passes here once for each follower: a
 * 1 MiB append is copied once, where the generated code copies it at each level of nesting. The bytes are the same.
 */
export class MessageEncoder {
  /** Member IDs fill 64 bits, which costs BigInt arithmetic; there are few of them. */
  readonly #ids = new Map<bigint, Buffer>();

  /** What the message takes in a batch, without its tag and length. */
  bytes(message: Message): number {
    const { type, to, from, term, logTerm, index, entries, commit, snapshot, rejectHint, context } = message;
    let bytes = message.reject ? 2 : 0;
    bytes += fieldBytes(type) + this.#idBytes(to) + this.#idBytes(from);
    bytes += fieldBytes(term) + fieldBytes(logTerm) + fieldBytes(index) + fieldBytes(commit);
    bytes += fieldBytes(rejectHint);
    if (context.length > 0) bytes += nestedBytes(context.length);
    for (const entry of entries) bytes += nestedBytes(entryBytes(entry));
    if (snapshot !== undefined) bytes += nestedBytes(Snapshot.encode(snapshot).finish().length);
    return bytes;
  }

  /** A gRPC frame that holds a MessageBatch of these messages. */
  encode(messages: readonly SizedMessage[]): Buffer {
    let total = 0;
    for (const { bytes } of messages) total += nestedBytes(bytes);
    const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + total);
    let at = writeFrameHead(frame, total);
    for (const { message, bytes } of messages) {
      frame[at++] = MESSAGES_TAG;
      at = this.#write(frame, writeVarint(frame, at, bytes), message);
    }
    return frame;
  }

  #write(frame: Buffer, start: number, message: Message): number {
    let at = writeField(frame, start, 0x08, message.type);
    at = this.#writeId(frame, at, 0x10, message.to);
    at = this.#writeId(frame, at, 0x18, message.from);
    at = writeField(frame, at, 0x20, message.term);
    at = writeField(frame, at, 0x28, message.logTerm);
    at = writeField(frame, at, 0x30, message.index);
    for (const entry of message.entries) at = writeEntry(frame, at, entry);
    at = writeField(frame, at, 0x40, message.commit);
    if (message.snapshot !== undefined) {
      at = writeBytes(frame, at, SNAPSHOT_TAG, Snapshot.encode(message.snapshot).finish());
    }
    at = writeField(frame, at, 0x50, message.reject ? 1 : 0);
    at = writeField(frame, at, 0x58, message.rejectHint);
    return writeBytes(frame, at, 0x62, message.context);
  }

  #idBytes(id: bigint): number {
    return id === 0n ? 0 : 1 + this.#id(id).length;
  }

  #writeId(frame: Buffer, at: number, tag: number, id: bigint): number {
    if (id === 0n) return at;
    const bytes = this.#id(id);
    frame[at] = tag;
    frame.set(bytes, at + 1);
    return at + 1 + bytes.length;
  }

  #id(id: bigint): Buffer {
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    if (this.#ids.size >= MAX_IDS) this.#ids.clear();
    const bytes = Buffer.alloc(varint64Bytes(id));
    writeVarint64(bytes, 0, id);
    this.#ids.set(id, bytes);
    return bytes;
  }
}

/** A field without a value isn't written. */
function fieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function nestedBytes(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes;
}

function entryBytes({ type, term, index, data }: Entry): number {
  const bytes = fieldBytes(type) + fieldBytes(term) + fieldBytes(index);
  return data.length === 0 ? bytes : bytes + nestedBytes(data.length);
}

function writeField(frame: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  frame[at] = tag;
  return writeVarint(frame, at + 1, value);
}

function writeBytes(frame: Buffer, at: number, tag: number, bytes: Uint8Array): number {
  if (bytes.length === 0) return at;
  frame[at] = tag;
  const start = writeVarint(frame, at + 1, bytes.length);
  frame.set(bytes, start);
  return start + bytes.length;
}

function writeEntry(frame: Buffer, start: number, entry: Entry): number {
  frame[start] = ENTRIES_TAG;
  let at = writeVarint(frame, start + 1, entryBytes(entry));
  at = writeField(frame, at, 0x08, entry.type);
  at = writeField(frame, at, 0x10, entry.term);
  at = writeField(frame, at, 0x18, entry.index);
  return writeBytes(frame, at, 0x22, entry.data);
}
