import { unreachable } from '../../base/assert.js';
import type { Sliced } from '../../base/sliced.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import { comparesHold } from './compare.js';
import type { ApplyContext, ReadContext } from './context.js';
import { revisionHeader } from './convert.js';
import { applyDelete, applyDeleteRange, applyGet, applyPut, applyRange, checkPut } from './kv.js';

/** A transaction whose branches are chosen, those of nested ones too. */
interface Chosen {
  readonly succeeded: boolean;
  readonly operations: readonly rpc.RequestOp[];
  /** By position of the nested transaction among the operations. */
  readonly nested: ReadonlyMap<number, Chosen>;
}

/**
 * Applies a transaction: first every comparison, nested ones too, then every check, then the effects; so a refusal
 * leaves nothing half done.
 */
export function* applyTxn(context: ApplyContext, request: rpc.TxnRequest): Sliced<rpc.TxnResponse> {
  const chosen = yield* choose(context, request);
  check(context, chosen);
  const response = yield* execute(context, chosen);
  return { ...response, header: revisionHeader(context.txn.revision) };
}

function* choose(context: ReadContext, request: rpc.TxnRequest): Sliced<Chosen> {
  const succeeded = yield* comparesHold(context, request.compare);
  const operations = succeeded ? request.success : request.failure;
  const nested = new Map<number, Chosen>();
  for (const [position, operation] of operations.entries()) {
    if (operation.request?.$case === 'requestTxn') {
      nested.set(position, yield* choose(context, operation.request.value));
    }
  }
  return { succeeded, operations, nested };
}

/** All puts, then all ranges: which of several faults a client is told is etcd's order. */
function check(context: ApplyContext, chosen: Chosen): void {
  for (const request of operationsOf(chosen)) {
    if (request?.$case === 'requestPut') checkPut(context, request.value);
  }
  // Ranges check their revision themselves when they run, but by then a put may have happened.
  for (const request of operationsOf(chosen)) {
    if (request?.$case === 'requestRange') context.store.checkRevision(request.value.revision);
  }
}

/** Of the chosen branches, in order, those of nested transactions in their place. */
function* operationsOf({ operations, nested }: Chosen): Generator<rpc.RequestOp['request']> {
  for (const [position, { request }] of operations.entries()) {
    const inner = nested.get(position);
    if (inner === undefined) yield request;
    else yield* operationsOf(inner);
  }
}

function execute(context: ApplyContext, chosen: Chosen): Sliced<rpc.TxnResponse> {
  return respond(chosen, {
    short: (operation) => {
      switch (operation.$case) {
        case 'requestPut':
          return { $case: 'responsePut', value: applyPut(context, operation.value) };
        case 'requestDeleteRange':
          return { $case: 'responseDeleteRange', value: applyDelete(context, operation.value) };
        case 'requestRange':
          return { $case: 'responseRange', value: applyGet(context, operation.value) };
        case 'requestTxn':
          return undefined;
        default:
          return unreachable(operation);
      }
    },
    *long(operation) {
      if (operation.$case === 'requestDeleteRange') {
        return { $case: 'responseDeleteRange', value: yield* applyDeleteRange(context, operation.value) };
      }
      if (operation.$case !== 'requestRange') return undefined;
      return { $case: 'responseRange', value: yield* applyRange(context, operation.value) };
    },
  });
}

type Operation = NonNullable<rpc.RequestOp['request']>;
type OperationResponse = rpc.ResponseOp['response'];

/** What each single operation does. */
interface Operations {
  /** It concerns one key. */
  short(operation: Operation): OperationResponse;
  long(operation: Operation): Sliced<OperationResponse>;
}

/** The responses of the chosen branches, in order. */
function* respond(chosen: Chosen, run: Operations): Sliced<rpc.TxnResponse> {
  const responses: rpc.ResponseOp[] = [];
  for (const [position, operation] of chosen.operations.entries()) {
    const { request } = operation;
    const nested = chosen.nested.get(position);
    let response: OperationResponse;
    if (nested !== undefined) response = { $case: 'responseTxn', value: yield* respond(nested, run) };
    else if (isOfRange(operation)) response = request && (yield* run.long(request));
    else response = request && run.short(request);
    responses.push({ response });
  }
  return { header: revisionHeader(0), succeeded: chosen.succeeded, responses };
}

/** Answers a transaction that only reads, without an entry in the log. Throws as its ranges do. */
export function* readTxn(context: ReadContext, request: rpc.TxnRequest): Sliced<rpc.TxnResponse> {
  const response = yield* respond(yield* choose(context, request), {
    short: (operation) =>
      operation.$case === 'requestRange'
        ? { $case: 'responseRange', value: applyGet(context, operation.value) }
        : undefined,
    *long(operation) {
      if (operation.$case !== 'requestRange') return undefined;
      return { $case: 'responseRange', value: yield* applyRange(context, operation.value) };
    },
  });
  return { ...response, header: revisionHeader(context.txn.revision) };
}

/** Whether any part of a transaction concerns more than single keys, so that it may take long. */
export function hasRanges({ compare, success, failure }: rpc.TxnRequest): boolean {
  if (compare.some(({ rangeEnd }) => rangeEnd.length > 0)) return true;
  return success.some(isOfRange) || failure.some(isOfRange);
}

function isOfRange({ request }: rpc.RequestOp): boolean {
  if (request === undefined || request.$case === 'requestPut') return false;
  return request.$case === 'requestTxn' ? hasRanges(request.value) : request.value.rangeEnd.length > 0;
}

/** Whether a transaction that only reads may do so without asking the quorum. */
export function isSerializable(request: rpc.TxnRequest): boolean {
  return [...request.success, ...request.failure].every(({ request: operation }) => {
    if (operation?.$case === 'requestRange') return operation.value.serializable;
    return operation?.$case !== 'requestTxn' || isSerializable(operation.value);
  });
}

/** Whether a transaction can't change anything: such a one is a read and isn't proposed. */
export function isReadOnly(request: rpc.TxnRequest): boolean {
  return [...request.success, ...request.failure].every(({ request: operation }) => {
    if (operation === undefined || operation.$case === 'requestRange') return true;
    return operation.$case === 'requestTxn' && isReadOnly(operation.value);
  });
}
