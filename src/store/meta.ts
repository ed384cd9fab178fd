import { ConfetdError } from '../base/errors.js';

/** Raised where an older program could not read the tables any more. */
const FORMAT = 1;

/** Row of table `meta`: raft's configuration as of the applied entry. */
export const CONF_STATE_ROW = 'confState';

/** What the tables hold the effects of. Written in the same batch as they. */
export interface Applied {
  readonly index: number;
  readonly term: number;
  /** The store's newest revision; an empty store is at 1. */
  readonly revision: number;
}

export const NOTHING_APPLIED: Applied = { index: 0, term: 0, revision: 1 };

/** Row `applied` of table `meta`. Throws `data_folder` for a format of a newer program. */
export function readApplied(row: Buffer | undefined): Applied {
  if (row === undefined) return NOTHING_APPLIED;
  const { format, index, term, revision } = JSON.parse(row.toString()) as Applied & { format: number };
  if (format > FORMAT) {
    throw new ConfetdError(
      'data_folder',
      `the data folder was written by a newer confetd (format ${format}, this one reads up to ${FORMAT}); start that version`,
    );
  }
  return { index, term, revision };
}

export function writeApplied(applied: Applied): Buffer {
  return Buffer.from(JSON.stringify({ format: FORMAT, ...applied }));
}

/** Row `compacted` of table `meta`: reads before this revision are refused. 0: nothing was compacted. */
export function readCompacted(row: Buffer | undefined): number {
  return row === undefined ? 0 : Number(row.toString());
}

export function writeCompacted(revision: number): Buffer {
  return Buffer.from(String(revision));
}
