import { messageOf } from '../../base/errors.js';

const EIO = 5;
const ENOSPC = 28;
const EDQUOT = 122;
const MDB_MAP_FULL = -30_792;

/**
 * Whether a batch of which nothing is visible failed for want of room. A page that found none failed the transaction
 * before its meta page was written: tried on full file systems, the same environment goes on afterwards. Where part of
 * a write still fitted LMDB says EIO, and of an EIO that the system gave it says which page it was writing.
 */
export function isFull(cause: unknown): boolean {
  const code = errorNumber(cause);
  if (code === EIO) return !messageOf(cause).includes('Attempting to write page');
  return code === ENOSPC || code === EDQUOT || code === MDB_MAP_FULL;
}

export function fullMessage(cause: unknown): string {
  return errorNumber(cause) === EIO ? 'No space left on device: a write was cut short' : messageOf(cause);
}

/** LMDB's errors have a number for a code: a system's, or its own. */
function errorNumber(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** LMDB says only that a commit failed; the reason comes as a promise beside it, which rejects in the same turn. */
export async function causeOf(failure: unknown): Promise<unknown> {
  if (!(failure instanceof Error) || !('commitError' in failure)) return failure;
  try {
    await failure.commitError;
    return failure;
  } catch (cause) {
    return cause;
  }
}
