import { expect, test } from 'vitest';
import { listMembers, type Member } from '../../../src/cluster/members.js';
import { applyMemberChange } from '../../../src/member/apply/membership.js';
import { forceNewCluster } from '../../../src/member/force-new-cluster.js';
import { toConfChange } from '../../../src/member/member-changes.js';
import { MemberChange_Kind as Kind } from '../../../src/proto/generated/member.js';
import { ConfChange, type ConfState, type Entry, EntryType } from '../../../src/proto/generated/raft.js';
import { nextConfState } from '../../../src/raft/confchange.js';
import type { Store } from '../../../src/store/store.js';
import { openStore } from '../store/harness.js';
import { createLog, machine, openLog, state } from '../wal/log.js';

const member = (id: bigint, isLearner = false): Member => ({
  id,
  name: `m${id}`,
  peerUrls: [`http://10.0.0.${id}:2380`],
  clientUrls: [],
  isLearner,
});

function change(index: number, kind: Kind, wanted: Member, term = 1): Entry {
  const conf = toConfChange({ id: undefined, kind, member: wanted });
  return { type: EntryType.CONF_CHANGE, term, index, data: Buffer.from(ConfChange.encode(conf).finish()) };
}

const write = (index: number, term = 1): Entry => ({
  type: EntryType.NORMAL,
  term,
  index,
  data: Buffer.from(`write ${index}`),
});

/** Entries take effect, on the tables and on raft's configuration alike. */
function apply(store: Store, conf: ConfState, entries: readonly Entry[]): ConfState {
  for (const { type, index, term, data } of entries) {
    const txn = store.begin();
    if (type === EntryType.CONF_CHANGE) {
      const { accepted } = applyMemberChange(txn, ConfChange.decode(data));
      const next = nextConfState(conf, accepted);
      if (next === undefined) throw new Error('a configuration without a voter');
      conf = next;
    }
    txn.end(index, term);
  }
  return conf;
}

/** A member whose log holds `entries`, of which the first `applied` are in its state. */
async function folder(entries: readonly Entry[], applied: number, commit: number) {
  const disk = await machine();
  const made = await createLog(disk);
  await made.append(entries, state(entries.at(-1)?.term ?? 1, commit, 2n));
  await made.close();
  const store = openStore();
  const conf = apply(store, { voters: [], learners: [] }, entries.slice(0, applied));
  const { wal, contents } = await openLog(disk, applied);
  return { disk, store, conf, wal, contents };
}

const THREE = [
  change(1, Kind.ADD, member(1n)),
  change(2, Kind.ADD, member(2n)),
  change(3, Kind.ADD, member(3n)),
];
const self = { memberId: 1n };

test('the others are removed, and the member alone is the cluster', async () => {
  const { disk, store, conf, wal, contents } = await folder([...THREE, write(4)], 4, 4);
  const forced = await forceNewCluster({ identity: self, wal, contents, store });
  expect(forced.hardState).toEqual({ term: 2, vote: 1n, commit: 6 });
  expect(forced.entries.map(({ index, term }) => [index, term])).toEqual([
    [5, 2],
    [6, 2],
  ]);
  expect(apply(store, conf, forced.entries)).toEqual({ voters: [1n], learners: [] });
  expect(listMembers(store.table('members'))).toEqual([member(1n)]);
  await wal.close();
  // Durable before it is answered.
  const { contents: found } = await openLog(disk, 4);
  expect(found.entries).toEqual(forced.entries);
  expect(found.hardState).toEqual(forced.hardState);
});

test('what the log holds and may have been acknowledged is kept, committed or not', async () => {
  const { store, conf, wal, contents } = await folder([...THREE, write(4), write(5, 3), write(6, 3)], 3, 4);
  const forced = await forceNewCluster({ identity: self, wal, contents, store });
  expect(forced.entries.slice(0, 3)).toEqual([write(4), write(5, 3), write(6, 3)]);
  expect(forced.entries.map(({ index, term }) => `${index}/${term}`).slice(3)).toEqual(['7/4', '8/4']);
  expect(forced.hardState).toMatchObject({ term: 4, commit: 8 });
  expect(apply(store, conf, forced.entries).voters).toEqual([1n]);
});

test('members that the log adds and removes after the state are counted as they will be', async () => {
  const tail = [
    change(4, Kind.REMOVE, member(2n)),
    change(5, Kind.ADD, member(7n)),
    change(6, Kind.ADD, member(2n)),
  ];
  const { store, conf, wal, contents } = await folder([...THREE, ...tail], 3, 3);
  const forced = await forceNewCluster({ identity: self, wal, contents, store });
  const removed = forced.entries.slice(3).map(({ data }) => ConfChange.decode(data).nodeId);
  expect(removed).toEqual([3n, 7n]);
  expect(apply(store, conf, forced.entries)).toEqual({ voters: [1n], learners: [] });
  // Looking ahead has changed nothing.
  await wal.close();
});

test('looking ahead leaves the state as it is', async () => {
  const { store, wal, contents } = await folder([...THREE, change(4, Kind.REMOVE, member(2n))], 3, 3);
  await forceNewCluster({ identity: self, wal, contents, store });
  expect(listMembers(store.table('members'))).toHaveLength(3);
  expect(store.applied.index).toBe(3);
});

test('a learner gets a vote first, so that there is always one', async () => {
  const entries = [change(1, Kind.ADD, member(2n)), change(2, Kind.ADD, member(1n, true))];
  const { store, conf, wal, contents } = await folder(entries, 2, 2);
  const forced = await forceNewCluster({ identity: self, wal, contents, store });
  expect(apply(store, conf, forced.entries)).toEqual({ voters: [1n], learners: [] });
  expect(listMembers(store.table('members'))).toEqual([member(1n)]);
});

test('a member that is alone already has nothing to do', async () => {
  const { store, wal, contents } = await folder([change(1, Kind.ADD, member(1n)), write(2)], 1, 1);
  expect(await forceNewCluster({ identity: self, wal, contents, store })).toBe(contents);
  expect(wal.lastIndex).toBe(2);
});

test('a member that was removed is refused', async () => {
  const { store, wal, contents } = await folder([...THREE, change(4, Kind.REMOVE, member(1n))], 3, 4);
  await expect(forceNewCluster({ identity: self, wal, contents, store })).rejects.toThrow(
    'this member (1) was removed from the cluster',
  );
  expect(wal.lastIndex).toBe(4);
});

test('a member that never received anything is refused', async () => {
  const { store, wal, contents } = await folder([], 0, 0);
  await expect(forceNewCluster({ identity: self, wal, contents, store })).rejects.toThrow(
    /member 1 was started but never received the cluster’s data/,
  );
});
