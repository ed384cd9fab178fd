import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';

/** What a client asked for. */
export type Request =
  | { readonly kind: 'range'; readonly range: rpc.RangeRequest }
  | { readonly kind: 'put'; readonly put: rpc.PutRequest }
  | { readonly kind: 'delete'; readonly delete: rpc.DeleteRangeRequest }
  | { readonly kind: 'txn'; readonly txn: rpc.TxnRequest };

export type Response = rpc.RangeResponse | rpc.PutResponse | rpc.DeleteRangeResponse | rpc.TxnResponse;

/** One call of one client, with what became of it. Places in the order of all events stand for times. */
export interface Operation {
  readonly client: string;
  /** Its values carry it, so that what became of an operation without an answer can be read from the history. */
  readonly tag: string;
  readonly machine: string;
  /** Which of the machine's processes was asked. */
  readonly life: number;
  readonly request: Request;
  readonly called: number;
  calledMs: number;
  /** Infinity: no answer has come. */
  returned: number;
  response: Response | undefined;
  /** It never got to a member, or the state refused it: it has no effect. */
  refused: string | undefined;
}

/** Whether the answer must be as new as all that was answered before the call. */
export function isLinearizable({ request }: Operation): boolean {
  return request.kind !== 'range' || (!request.range.serializable && request.range.revision === 0);
}

/** Whether an answer says that something was written. */
export function hasWritten({ request, response }: Operation): boolean {
  if (response === undefined) return false;
  switch (request.kind) {
    case 'range':
      return false;
    case 'put':
      return true;
    case 'delete':
      return (response as rpc.DeleteRangeResponse).deleted > 0;
    case 'txn':
      return (response as rpc.TxnResponse).responses.some(
        ({ response: each }) =>
          each?.$case === 'responsePut' || (each?.$case === 'responseDeleteRange' && each.value.deleted > 0),
      );
  }
}

export function revisionOf({ response }: Operation): number {
  return response?.header?.revision ?? 0;
}

export function describeOperation(operation: Operation): string {
  const { client, tag, machine, request } = operation;
  return `${client} ${tag} at ${machine}: ${describeRequest(request)}`;
}

export function describeRequest(request: Request): string {
  switch (request.kind) {
    case 'range': {
      const { key, rangeEnd, revision, serializable } = request.range;
      const at = revision > 0 ? ` at ${revision}` : '';
      return `${serializable ? 'peek' : 'get'} ${interval(key, rangeEnd)}${at}`;
    }
    case 'put':
      return describePut(request.put);
    case 'delete':
      return `delete ${interval(request.delete.key, request.delete.rangeEnd)}`;
    case 'txn': {
      const { compare, success, failure } = request.txn;
      const guards = compare
        .map(({ key, targetUnion }) => `${key.toString()}~${String(targetUnion?.value)}`)
        .join(' ');
      return `txn if ${guards} then ${describeOps(success)} else ${describeOps(failure)}`;
    }
  }
}

function describePut({ key, value, lease }: rpc.PutRequest): string {
  return `put ${key.toString()}=${value.toString()}${lease === 0n ? '' : ` lease ${lease.toString(16)}`}`;
}

function describeOps(ops: readonly rpc.RequestOp[]): string {
  return ops
    .map(({ request }) => {
      if (request?.$case === 'requestPut') return describePut(request.value);
      if (request?.$case === 'requestRange')
        return `get ${interval(request.value.key, request.value.rangeEnd)}`;
      if (request?.$case === 'requestDeleteRange')
        return `delete ${interval(request.value.key, request.value.rangeEnd)}`;
      return 'txn';
    })
    .join(', ');
}

function interval(key: Buffer, end: Buffer): string {
  return end.length === 0 ? key.toString() : `[${key.toString()}, ${end.toString()})`;
}
