import { toByteString } from '../../../src/base/bytes.js';
import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';
import { Compare_CompareResult, Compare_CompareTarget } from '../../../src/proto/generated/etcd_rpc.js';
import type { KeyValue } from '../../../src/store/types.js';
import { isIn, type Model, type ModelEvent } from './model.js';

/** What an operation should have been told, as text: easy to compare, and to read where it differs. */
export interface Evaluated {
  readonly answer: string;
  /** What it should have written, by key. */
  readonly events: ReadonlyMap<string, ModelEvent>;
}

/** The keyspace at one revision, under the writes of the operation that is being evaluated. */
class View {
  readonly #model: Model;
  readonly #revision: number;
  readonly #written = new Map<string, KeyValue | undefined>();
  readonly events = new Map<string, ModelEvent>();

  constructor(model: Model, revision: number) {
    this.#model = model;
    this.#revision = revision;
  }

  range(key: string, end: string): KeyValue[] {
    const before = this.#model.range(key, end, this.#revision).filter((kv) => !this.#written.has(kv.key));
    const written = [...this.#written.values()].filter((kv) => kv !== undefined && isIn(kv.key, key, end));
    return [...before, ...(written as KeyValue[])].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(key: string, value: Buffer, lease: bigint): void {
    const [before] = this.range(key, '');
    const modRevision = this.#revision + 1;
    this.#written.set(key, {
      key,
      value,
      lease,
      modRevision,
      createRevision: before?.createRevision ?? modRevision,
      version: (before?.version ?? 0) + 1,
    });
    this.#record({ type: 'put', key, value, lease });
  }

  delete(key: string, end: string): KeyValue[] {
    const gone = this.range(key, end);
    for (const kv of gone) {
      this.#written.set(kv.key, undefined);
      this.#record({ type: 'delete', key: kv.key, value: Buffer.alloc(0), lease: 0n });
    }
    return gone;
  }

  /** The last change of a key counts. */
  #record(event: ModelEvent): void {
    this.events.delete(event.key);
    this.events.set(event.key, event);
  }
}

export function evaluateRange(model: Model, revision: number, request: rpc.RangeRequest): Evaluated {
  const at = request.revision > 0 ? request.revision : revision;
  return { answer: rangeAnswer(new View(model, at), request), events: new Map() };
}

export function evaluatePut(model: Model, revision: number, request: rpc.PutRequest): Evaluated {
  const view = new View(model, revision);
  return { answer: putAnswer(view, request), events: view.events };
}

export function evaluateDelete(model: Model, revision: number, request: rpc.DeleteRangeRequest): Evaluated {
  const view = new View(model, revision);
  return { answer: deleteAnswer(view, request), events: view.events };
}

export function evaluateTxn(model: Model, revision: number, request: rpc.TxnRequest): Evaluated {
  const view = new View(model, revision);
  const succeeded = request.compare.every((compare) => holds(view, compare));
  const parts = (succeeded ? request.success : request.failure).map(({ request: operation }) => {
    if (operation?.$case === 'requestRange') return rangeAnswer(view, operation.value);
    if (operation?.$case === 'requestPut') return putAnswer(view, operation.value);
    if (operation?.$case === 'requestDeleteRange') return deleteAnswer(view, operation.value);
    return '?';
  });
  return { answer: `${succeeded}: ${parts.join('; ')}`, events: view.events };
}

function rangeAnswer(view: View, { key, rangeEnd }: rpc.RangeRequest): string {
  return pairs(view.range(toByteString(key), toByteString(rangeEnd)));
}

function putAnswer(view: View, { key, value, lease, prevKv }: rpc.PutRequest): string {
  const before = prevKv ? view.range(toByteString(key), '') : [];
  view.put(toByteString(key), value, lease);
  return pairs(before);
}

function deleteAnswer(view: View, { key, rangeEnd, prevKv }: rpc.DeleteRangeRequest): string {
  const gone = view.delete(toByteString(key), toByteString(rangeEnd));
  return `${gone.length} ${prevKv ? pairs(gone) : ''}`;
}

/** The actual answers, in the same form. */
export function answerOfRange({ kvs }: rpc.RangeResponse): string {
  return pairs(kvs.map((kv) => ({ ...kv, key: toByteString(kv.key) })));
}

export function answerOfPut({ prevKv }: rpc.PutResponse): string {
  return prevKv === undefined ? pairs([]) : pairs([{ ...prevKv, key: toByteString(prevKv.key) }]);
}

export function answerOfDelete({ deleted, prevKvs }: rpc.DeleteRangeResponse, prevKv: boolean): string {
  return `${deleted} ${prevKv ? pairs(prevKvs.map((kv) => ({ ...kv, key: toByteString(kv.key) }))) : ''}`;
}

export function answerOfTxn(response: rpc.TxnResponse, request: rpc.TxnRequest): string {
  const operations = response.succeeded ? request.success : request.failure;
  const parts = response.responses.map(({ response: each }, at) => {
    const asked = operations[at]?.request;
    if (each?.$case === 'responseRange') return answerOfRange(each.value);
    if (each?.$case === 'responsePut') return answerOfPut(each.value);
    if (each?.$case !== 'responseDeleteRange') return '?';
    return answerOfDelete(each.value, asked?.$case === 'requestDeleteRange' && asked.value.prevKv);
  });
  return `${response.succeeded}: ${parts.join('; ')}`;
}

function pairs(kvs: readonly KeyValue[]): string {
  return kvs
    .map(({ key, value, modRevision, createRevision, version, lease }) => {
      const of = lease === 0n ? '' : ` l${lease.toString(16)}`;
      return `${key}=${value.toString('latin1')}@${modRevision}/${createRevision}v${version}${of}`;
    })
    .join(' ');
}

function holds(view: View, compare: rpc.Compare): boolean {
  const [kv] = view.range(toByteString(compare.key), '');
  const difference = differenceTo(compare, kv);
  if (difference === undefined) return false;
  if (compare.result === Compare_CompareResult.Equal) return difference === 0;
  if (compare.result === Compare_CompareResult.NotEqual) return difference !== 0;
  return compare.result === Compare_CompareResult.Greater ? difference > 0 : difference < 0;
}

/** Undefined: the value of a missing key, for which nothing holds. */
function differenceTo({ target, targetUnion }: rpc.Compare, kv: KeyValue | undefined): number | undefined {
  if (target === Compare_CompareTarget.Value)
    return kv?.value.compare(targetUnion?.$case === 'value' ? targetUnion.value : Buffer.alloc(0));
  const guard = Number(targetUnion?.value ?? 0);
  if (target === Compare_CompareTarget.Version) return (kv?.version ?? 0) - guard;
  if (target === Compare_CompareTarget.Create) return (kv?.createRevision ?? 0) - guard;
  return (kv?.modRevision ?? 0) - guard;
}
