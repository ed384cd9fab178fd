import { type ByteString, toByteString, toBytes } from '../../../src/base/bytes.js';
import { ConfetdError } from '../../../src/base/errors.js';
import type { KeyValue as WireKeyValue } from '../../../src/proto/generated/etcd_kv.js';
import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';
import {
  type Compare,
  type ResponseHeader,
  type ResponseOp,
  Compare_CompareResult as Result,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { KeyValue, StoreEvent } from '../../../src/store/types.js';

/** The newest keys of a fake member. What changes is told to `events`; the revision moves with the member's commit. */
export class FakeKeys {
  readonly #keys = new Map<ByteString, KeyValue>();
  /** Fails where there is no such lease. */
  readonly #attach: (lease: bigint, key: ByteString) => void;

  constructor(attach: (lease: bigint, key: ByteString) => void) {
    this.#attach = attach;
  }

  select(key: Buffer, rangeEnd: Buffer): KeyValue[] {
    const start = toByteString(key);
    const end = toByteString(rangeEnd);
    const inside = (at: ByteString) =>
      end === '' ? at === start : at >= start && (end === '\0' || at < end);
    return [...this.#keys.values()].filter((kv) => inside(kv.key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(request: rpc.PutRequest, revision: number, events: StoreEvent[]): WireKeyValue | undefined {
    const key = toByteString(request.key);
    const before = this.#keys.get(key);
    if ((request.ignoreValue || request.ignoreLease) && before === undefined) {
      throw new ConfetdError('invalid_argument', 'etcdserver: key not found');
    }
    const lease = request.ignoreLease ? (before?.lease ?? 0n) : request.lease;
    if (lease !== 0n) this.#attach(lease, key);
    const kv: KeyValue = {
      key,
      value: request.ignoreValue ? (before?.value ?? Buffer.alloc(0)) : request.value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease,
    };
    this.#keys.set(key, kv);
    events.push({ type: 'put', kv, previous: () => before });
    return before === undefined ? undefined : onWire(before);
  }

  delete(
    { key, rangeEnd }: { key: Buffer; rangeEnd: Buffer },
    revision: number,
    events: StoreEvent[],
  ): KeyValue[] {
    const gone = this.select(key, rangeEnd);
    for (const before of gone) {
      this.#keys.delete(before.key);
      const kv: KeyValue = {
        key: before.key,
        value: Buffer.alloc(0),
        createRevision: 0,
        modRevision: revision,
        version: 0,
        lease: 0n,
      };
      events.push({ type: 'delete', kv, previous: () => before });
    }
    return gone;
  }

  txn(request: rpc.TxnRequest, revision: number, events: StoreEvent[]): rpc.TxnResponse {
    const succeeded = request.compare.every((compare) => this.#holds(compare));
    const ops = succeeded ? request.success : request.failure;
    const responses = ops.map((op) => ({ response: this.#apply(op, revision, events) }));
    return { header: undefined, succeeded, responses };
  }

  #apply({ request: op }: rpc.RequestOp, revision: number, events: StoreEvent[]): ResponseOp['response'] {
    const header: ResponseHeader = { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 };
    switch (op?.$case) {
      case 'requestPut':
        return { $case: 'responsePut', value: { header, prevKv: this.put(op.value, revision, events) } };
      case 'requestDeleteRange': {
        const deleted = this.delete(op.value, revision, events).length;
        return { $case: 'responseDeleteRange', value: { header, deleted, prevKvs: [] } };
      }
      case 'requestRange': {
        const kvs = this.select(op.value.key, op.value.rangeEnd).map(onWire);
        return { $case: 'responseRange', value: { header, kvs, more: false, count: kvs.length } };
      }
      case 'requestTxn':
        return { $case: 'responseTxn', value: this.txn(op.value, revision, events) };
      case undefined:
        throw new ConfetdError('internal', 'an unchecked transaction reached the member');
    }
  }

  #holds({ key, result, targetUnion }: Compare): boolean {
    const kv = this.#keys.get(toByteString(key));
    if (targetUnion?.$case !== 'version')
      throw new ConfetdError('unimplemented', 'the fake compares versions');
    const difference = (kv?.version ?? 0) - targetUnion.value;
    if (result === Result.Equal) return difference === 0;
    if (result === Result.Greater) return difference > 0;
    if (result === Result.Less) return difference < 0;
    return difference !== 0;
  }
}

export function onWire(kv: KeyValue): WireKeyValue {
  return { ...kv, key: toBytes(kv.key) };
}
