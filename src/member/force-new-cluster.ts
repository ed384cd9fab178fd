import type { ByteString } from '../base/bytes.js';
import { ConfetdError } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import { isRemoved, listMembers, type Member } from '../cluster/members.js';
import { MemberChange_Kind } from '../proto/generated/member.js';
import { ConfChange, type Entry, EntryType, type HardState } from '../proto/generated/raft.js';
import type { Row, RowRange } from '../store/backend/backend.js';
import type { Store } from '../store/store.js';
import type { RowAccess } from '../store/write-txn.js';
import type { WalContents } from '../wal/types.js';
import type { Wal } from '../wal/wal.js';
import { applyMemberChange } from './apply/membership.js';
import type { FolderIdentity } from './folder-identity.js';
import { toConfChange } from './member-changes.js';
import { removedError } from './peers.js';

/** Rows of a table that are looked at: far more than there ever are members. */
const MAX_ROWS = 100_000;

export interface ForceNewClusterParts {
  readonly identity: Pick<FolderIdentity, 'memberId'>;
  readonly wal: Pick<Wal, 'append'>;
  /** Entries after what the state holds. */
  readonly contents: WalContents;
  readonly store: Pick<Store, 'table' | 'applied'>;
}

/**
 * Makes this member the only one, for when the others are lost for good: it gets a vote if it has none, and everybody
 * else is removed, by entries after the end of the log that count as committed. All of the log counts: what it doesn't
 * know to be committed may have been acknowledged, and nobody is left to say otherwise. The answer is the log as it is
 * then; it is durable. Fails with `data_folder` where the folder is of no use for that.
 */
export async function forceNewCluster(parts: ForceNewClusterParts): Promise<WalContents> {
  const { identity, wal, contents, store } = parts;
  const { memberId } = identity;
  const tables = new Map([
    ['members', new CopiedRows(store.table('members'))],
    ['removedMembers', new CopiedRows(store.table('removedMembers'))],
  ]);
  const txn = { table: (name: string) => tables.get(name) as CopiedRows };
  for (const { type, data } of contents.entries) {
    if (type === EntryType.CONF_CHANGE) applyMemberChange(txn, ConfChange.decode(data));
  }
  if (isRemoved(txn.table('removedMembers'), memberId)) throw removedError(memberId);
  const members = listMembers(txn.table('members'));
  const self = members.find(({ id }) => id === memberId);
  if (self === undefined) {
    throw new ConfetdError(
      'data_folder',
      `--force-new-cluster: member ${formatId(memberId)} was started but never received the cluster’s data, so there is nothing to go on with; use the data folder of another member`,
    );
  }
  const changes = changesTo(self, members);
  if (changes.length === 0) return contents;
  const { index, term } = endOf(contents, store.applied);
  const entries = changes.map(
    (change, at): Entry => ({
      type: EntryType.CONF_CHANGE,
      term: term + 1,
      index: index + 1 + at,
      data: Buffer.from(ConfChange.encode(change).finish()),
    }),
  );
  // A term of its own, in which it has voted for itself: nobody else's entries can have these indexes and this term.
  const hardState: HardState = { term: term + 1, vote: memberId, commit: index + entries.length };
  await wal.append(entries, hardState);
  return { ...contents, entries: [...contents.entries, ...entries], hardState };
}

/** The vote comes first: a configuration is never without one. */
function changesTo(self: Member, members: readonly Member[]): ConfChange[] {
  const change = (kind: MemberChange_Kind, member: Member) => toConfChange({ id: undefined, kind, member });
  const others = members.filter(({ id }) => id !== self.id);
  return [
    ...(self.isLearner ? [change(MemberChange_Kind.PROMOTE, self)] : []),
    ...others.map((member) => change(MemberChange_Kind.REMOVE, member)),
  ];
}

/** Index of the last entry, and the highest term that this member has seen. */
function endOf(
  { entries, snapshot, hardState }: WalContents,
  applied: Store['applied'],
): { index: number; term: number } {
  const last = entries.at(-1);
  return {
    index: last?.index ?? Math.max(applied.index, snapshot?.index ?? 0),
    term: Math.max(hardState?.term ?? 0, last?.term ?? 0, applied.term, snapshot?.term ?? 0),
  };
}

/** A table as it will be, without touching the one that is. */
class CopiedRows implements RowAccess {
  readonly #rows: Map<ByteString, Buffer>;

  constructor(rows: Pick<RowAccess, 'range'>) {
    const all = rows.range({ start: '', end: undefined, limit: MAX_ROWS });
    this.#rows = new Map(all.map(({ key, value }) => [key, value]));
  }

  get(key: ByteString): Buffer | undefined {
    return this.#rows.get(key);
  }

  range({ start, end, limit }: RowRange): Row[] {
    return [...this.#rows]
      .filter(([key]) => key >= start && (end === undefined || key < end))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value }));
  }

  put(key: ByteString, value: Buffer): void {
    this.#rows.set(key, value);
  }

  remove(key: ByteString): void {
    this.#rows.delete(key);
  }
}
