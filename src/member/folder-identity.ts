import { ConfetdError } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Backend, Write } from '../store/backend/backend.js';

/** Raised where an older program could not read the folder any more. */
const FORMAT = 2;
const IDENTITY_ROW = 'identity';

/** Whose a data folder is. Written when it is made, never changed. */
export interface FolderIdentity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Drawn when the folder was made: tells this folder from another one with the same member's name on it. */
  readonly instance: bigint;
  /** Added to a running cluster, not one of its first members. */
  readonly joined: boolean;
  readonly tokenDigest: Buffer;
}

interface Stored {
  readonly format: number;
  readonly memberId: string;
  readonly clusterId: string;
  readonly instance: string;
  readonly joined: boolean;
  readonly tokenDigest: string;
}

/** As format 1 had it, from before there were clusters of several members. */
type StoredAlone = Pick<Stored, 'format' | 'memberId' | 'clusterId'>;

export function writeIdentity(identity: FolderIdentity): Write {
  const { memberId, clusterId, instance, joined, tokenDigest } = identity;
  const stored: Stored = {
    format: FORMAT,
    memberId: formatId(memberId),
    clusterId: formatId(clusterId),
    instance: formatId(instance),
    joined,
    tokenDigest: tokenDigest.toString('hex'),
  };
  return { table: 'meta', key: IDENTITY_ROW, value: Buffer.from(JSON.stringify(stored)) };
}

/**
 * Whose the state is; a folder of format 1 gets what it lacks from `missing`, for the caller to write. Fails with
 * `data_folder` where it doesn't say, or a newer program wrote it.
 */
export function readIdentity(
  folder: string,
  backend: Backend,
  missing: () => Pick<FolderIdentity, 'instance' | 'tokenDigest'>,
): FolderIdentity {
  const row = backend.get('meta', IDENTITY_ROW);
  if (row === undefined) {
    throw new ConfetdError(
      'data_folder',
      `${folder}/member/snap does not say whose it is: it is damaged or was not made by confetd; restore it, or give --data-dir another folder`,
    );
  }
  const stored = JSON.parse(row.toString()) as Stored | StoredAlone;
  if (stored.format > FORMAT) {
    throw new ConfetdError(
      'data_folder',
      `the data folder ${folder} was written by a newer confetd (format ${stored.format}, this one reads up to ${FORMAT}); start that version`,
    );
  }
  const ids = { memberId: BigInt(`0x${stored.memberId}`), clusterId: BigInt(`0x${stored.clusterId}`) };
  if (!('instance' in stored)) return { ...ids, ...missing(), joined: false };
  return {
    ...ids,
    instance: BigInt(`0x${stored.instance}`),
    joined: stored.joined,
    tokenDigest: Buffer.from(stored.tokenDigest, 'hex'),
  };
}
