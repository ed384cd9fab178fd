import type { ByteString } from '../base/bytes.js';
import { StoredMember } from '../proto/generated/store.js';
import type { RowAccess } from '../store/write-txn.js';

/** A member of the cluster as all members know it. One that hasn't made itself known yet has no name. */
export type Member = StoredMember;

/** Members are few (etcd advises seven at most); this bounds what one listing reads. */
const MAX_MEMBERS = 1_000;

/** Rows of table `members`: the ID as 8 bytes → StoredMember. */
function rowKey(id: bigint): ByteString {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(id);
  return key.toString('latin1');
}

export function putMember(rows: RowAccess, member: Member): void {
  rows.put(rowKey(member.id), Buffer.from(StoredMember.encode(member).finish()));
}

export function getMember(rows: Pick<RowAccess, 'get'>, id: bigint): Member | undefined {
  const row = rows.get(rowKey(id));
  return row && StoredMember.decode(row);
}

export function removeMember(rows: RowAccess, id: bigint): void {
  rows.remove(rowKey(id));
}

/** All members, by ID. */
export function listMembers(rows: Pick<RowAccess, 'range'>): Member[] {
  return rows
    .range({ start: '', end: undefined, limit: MAX_MEMBERS })
    .map(({ value }) => StoredMember.decode(value));
}

/** Rows of table `removedMembers`: the ID as 8 bytes → a mark. IDs are never used again. */
export function putRemovedMember(rows: RowAccess, id: bigint): void {
  rows.put(rowKey(id), Buffer.from([1]));
}

export function isRemoved(rows: Pick<RowAccess, 'get'>, id: bigint): boolean {
  return rows.get(rowKey(id)) !== undefined;
}
