import { StoredMember } from '../proto/generated/store.js';
import type { ReadTables, WriteTables } from '../store/tables.js';

/** A member of the cluster as all members know it. One that hasn't made itself known yet has no name. */
export type Member = StoredMember;

/** Rows of the table `members`: ID as 8 bytes → StoredMember. */
function rowKey(id: bigint): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(id);
  return key;
}

export function putMember(tables: WriteTables, member: Member): void {
  tables.put('members', rowKey(member.id), Buffer.from(StoredMember.encode(member).finish()));
}

export function getMember(tables: ReadTables, id: bigint): Member | undefined {
  const row = tables.get('members', rowKey(id));
  return row && StoredMember.decode(row);
}

export function deleteMember(tables: WriteTables, id: bigint): void {
  tables.delete('members', rowKey(id));
}

/** All members, by ID. A cluster has few: one slice. */
export function listMembers(tables: ReadTables): Member[] {
  return [...tables.entries('members')].map(([, row]) => StoredMember.decode(row));
}
