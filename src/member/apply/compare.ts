import { toByteString } from '../../base/bytes.js';
import type { Sliced } from '../../base/sliced.js';
import * as rpc from '../../proto/generated/etcd_rpc.js';
import { rangeQuery } from '../../store/range-query.js';
import type { KeyValue } from '../../store/types.js';
import type { ReadContext } from './context.js';

/** Whether all guards of a transaction hold. A guard over a range must hold for every key in it. */
export function* comparesHold(context: ReadContext, compares: readonly rpc.Compare[]): Sliced<boolean> {
  for (const compare of compares) {
    const holds =
      compare.rangeEnd.length === 0
        ? holdsFor(compare, context.txn.get(toByteString(compare.key)))
        : yield* holdsForAll(context, compare);
    if (!holds) return false;
  }
  return true;
}

function* holdsForAll(context: ReadContext, compare: rpc.Compare): Sliced<boolean> {
  const range = { key: toByteString(compare.key), end: toByteString(compare.rangeEnd) };
  const keysOnly = compare.target !== rpc.Compare_CompareTarget.Value;
  const { kvs } = yield* context.txn.range(rangeQuery(range, { keysOnly }));
  // etcd compares an empty range as it does a missing key.
  return kvs.length === 0 ? holdsFor(compare, undefined) : kvs.every((kv) => holdsFor(compare, kv));
}

function holdsFor(compare: rpc.Compare, kv: KeyValue | undefined): boolean {
  const difference = differenceTo(compare, kv);
  if (difference === undefined) return false;
  switch (compare.result) {
    case rpc.Compare_CompareResult.Equal:
      return difference === 0;
    case rpc.Compare_CompareResult.NotEqual:
      return difference !== 0;
    case rpc.Compare_CompareResult.Greater:
      return difference > 0;
    case rpc.Compare_CompareResult.Less:
      return difference < 0;
    default:
      return true;
  }
}

/** Sign of (the key's − the guard's); undefined where nothing can hold: the value of a missing key. */
function differenceTo(compare: rpc.Compare, kv: KeyValue | undefined): number | undefined {
  const union = compare.targetUnion;
  switch (compare.target) {
    case rpc.Compare_CompareTarget.Value: {
      if (kv === undefined) return undefined;
      return kv.value.compare(union?.$case === 'value' ? union.value : Buffer.alloc(0));
    }
    case rpc.Compare_CompareTarget.Version:
      return (kv?.version ?? 0) - (union?.$case === 'version' ? union.value : 0);
    case rpc.Compare_CompareTarget.Create:
      return (kv?.createRevision ?? 0) - (union?.$case === 'createRevision' ? union.value : 0);
    case rpc.Compare_CompareTarget.Mod:
      return (kv?.modRevision ?? 0) - (union?.$case === 'modRevision' ? union.value : 0);
    case rpc.Compare_CompareTarget.Lease: {
      const wanted = union?.$case === 'lease' ? union.value : 0n;
      const actual = kv?.lease ?? 0n;
      return actual < wanted ? -1 : actual > wanted ? 1 : 0;
    }
    default:
      return 0;
  }
}
