import { type ByteString, FROM_KEY_END, toByteString } from '../../base/bytes.js';
import { etcdError } from '../../base/etcd-errors.js';
import type { RequestOp } from '../../proto/generated/etcd_rpc.js';

/** Greater than every key: no byte is a character above \xff. */
const INFINITY: ByteString = '\uffff';

/** A half-open range that one operation of the list deletes. */
interface Deletion {
  readonly start: ByteString;
  readonly end: ByteString;
  readonly owner: number;
}

interface Writes {
  readonly puts: ReadonlySet<ByteString>;
  readonly deletions: readonly Deletion[];
}

/** All deletes of a list itself: two of them may overlap, and nothing else may overlap with them. */
const OWN_DELETES = -1;
const OWN_PUTS = -2;
/** Covered by the deletes of several owners. */
const SEVERAL = -3;
const NOBODY = -4;

/**
 * Throws `duplicate key` (invalid_argument) where two operations of one list write the same key, unless both delete.
 * A nested transaction counts as one operation that writes what either of its branches writes; its branches exclude
 * each other, so they may overlap. Stricter than etcd in one place: a put in a nested transaction and a delete in a
 * later one conflict in either order.
 */
export function checkWriteConflicts(ops: readonly RequestOp[]): void {
  writesOf(ops);
}

function writesOf(ops: readonly RequestOp[]): Writes {
  const deletions: Deletion[] = [];
  const ownerOfPut = new Map<ByteString, number>();
  const put = (key: ByteString, owner: number) => {
    if (ownerOfPut.has(key)) throw etcdError('duplicateKey');
    ownerOfPut.set(key, owner);
  };
  for (let owner = 0; owner < ops.length; owner++) {
    const request = ops[owner]?.request;
    if (request === undefined) continue;
    if (request.$case === 'requestPut') {
      put(toByteString(request.value.key), OWN_PUTS);
    } else if (request.$case === 'requestDeleteRange') {
      const { start, end } = bounds(request.value.key, request.value.rangeEnd);
      if (start < end) deletions.push({ start, end, owner: OWN_DELETES });
    } else if (request.$case === 'requestTxn') {
      const whenTrue = writesOf(request.value.success);
      const whenFalse = writesOf(request.value.failure);
      for (const key of new Set([...whenTrue.puts, ...whenFalse.puts])) put(key, owner);
      for (const branch of [whenTrue, whenFalse]) {
        for (const { start, end } of branch.deletions) deletions.push({ start, end, owner });
      }
    }
  }
  if (deletions.length > 0 && ownerOfPut.size > 0) {
    const covered = coverage(deletions);
    for (const [key, owner] of ownerOfPut) {
      const by = covered.at(key);
      if (by !== NOBODY && by !== owner) throw etcdError('duplicateKey');
    }
  }
  return { puts: new Set(ownerOfPut.keys()), deletions };
}

function bounds(key: Buffer, rangeEnd: Buffer): { start: ByteString; end: ByteString } {
  const start = toByteString(key);
  if (rangeEnd.length === 0) return { start, end: `${start}\0` };
  const end = toByteString(rangeEnd);
  return { start, end: end === FROM_KEY_END ? INFINITY : end };
}

/** Who deletes a key, found by a sweep over the ranges' ends and a binary search: n log n, whatever overlaps. */
function coverage(deletions: readonly Deletion[]): { at(key: ByteString): number } {
  const edges: { at: ByteString; owner: number; step: 1 | -1 }[] = [];
  for (const { start, end, owner } of deletions) {
    edges.push({ at: start, owner, step: 1 }, { at: end, owner, step: -1 });
  }
  edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const starts: ByteString[] = [];
  const owners: number[] = [];
  const active = new Map<number, number>();
  edges.forEach(({ at, owner, step }, index) => {
    const count = (active.get(owner) ?? 0) + step;
    if (count === 0) active.delete(owner);
    else active.set(owner, count);
    if (edges[index + 1]?.at === at) return;
    const [first] = active.keys();
    starts.push(at);
    owners.push(first === undefined ? NOBODY : active.size > 1 ? SEVERAL : first);
  });
  return {
    at(key) {
      let low = 0;
      let high = starts.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((starts[middle] as ByteString) <= key) low = middle + 1;
        else high = middle;
      }
      return low === 0 ? NOBODY : (owners[low - 1] as number);
    },
  };
}
