import { ConfetdError, messageOf } from '../base/errors.js';

/** A record that was damaged after it was written, or is missing: cutting there would drop acknowledged entries. */
export function corrupt(path: string, offset: number, what: string): ConfetdError {
  return new ConfetdError(
    'wal_corrupt',
    `${path}: bad record at byte ${offset}: ${what}; the entries from there on can't be trusted, and nothing was ` +
      'changed: restore the data folder from a backup, or remove this member from its cluster and add it again ' +
      'with an empty folder',
  );
}

/** A write or sync of the log that failed: what is on the disk is unknown from then on. */
export function writeFailed(path: string, cause: unknown): ConfetdError {
  return new ConfetdError(
    'disk',
    `${path}: writing the log failed (${messageOf(cause)}), and what reached the disk is unknown: check the disk ` +
      'that holds the data folder, then start confetd again',
    { cause },
  );
}

/** Entries that couldn't be read back; an error that says so already is left as it is. */
export function readFailed(path: string, cause: unknown): ConfetdError {
  if (cause instanceof ConfetdError) return cause;
  return new ConfetdError(
    'disk',
    `${path}: reading the log failed (${messageOf(cause)}): check the disk that holds the data folder, then start ` +
      'confetd again',
    { cause },
  );
}
