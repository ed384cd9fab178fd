import { createHash } from 'node:crypto';
import { ConfetdError } from '../base/errors.js';
import type { Hello, SnapshotPart } from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';

const NOTHING = Buffer.alloc(0);

/** Who sends a state to whom, and for which SNAP message: what the first part says. */
export interface SnapshotHead {
  readonly hello: Hello;
  readonly to: bigint;
  readonly message: Message;
}

/** The parts of a snapshot's stream: its head, data in parts of at most `partBytes`, the digest of all data. */
export async function* snapshotParts(
  { hello, to, message }: SnapshotHead,
  chunks: AsyncIterable<Buffer>,
  partBytes: number,
): AsyncGenerator<SnapshotPart, void, undefined> {
  yield { hello, to, message, data: NOTHING, digest: NOTHING };
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += partBytes) {
      const data = chunk.subarray(at, at + partBytes);
      hash.update(data);
      yield part(data, NOTHING);
    }
  }
  yield part(NOTHING, hash.digest());
}

function part(data: Buffer, digest: Buffer): SnapshotPart {
  return { hello: undefined, to: 0n, message: undefined, data, digest };
}

/**
 * The data of a snapshot's parts, the first one (which has been read already) excepted. Throws `data_loss` where they
 * end without a digest, with a wrong one, or go on after it. Only when it has ended by itself is the data whole.
 */
export async function* snapshotChunks(
  parts: AsyncIterable<SnapshotPart>,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
  let digest: Buffer | undefined;
  for await (const { hello, message, data, digest: told } of parts) {
    if (digest !== undefined || hello !== undefined || message !== undefined) throw damaged('out of order');
    if (told.length > 0) {
      if (data.length > 0) throw damaged('out of order');
      digest = told;
    } else {
      hash.update(data);
      yield data;
    }
  }
  if (digest === undefined) throw damaged('cut off before its end');
  if (!hash.digest().equals(digest)) throw damaged('damaged on its way: its digest is another one');
}

function damaged(how: string): ConfetdError {
  return new ConfetdError('data_loss', `the state that a member sends is ${how}; it will be sent again`);
}
