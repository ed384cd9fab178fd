import { unreachable } from '../../base/assert.js';
import type * as rpc from '../../proto/generated/etcd_rpc.js';
import { comparesHold } from './compare.js';
import type { ApplyContext, ReadContext } from './context.js';
import { revisionHeader } from './convert.js';
import { applyDeleteRange, applyPut, applyRange, checkPut } from './kv.js';

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
export function applyTxn(context: ApplyContext, request: rpc.TxnRequest): rpc.TxnResponse {
  const chosen = choose(context, request);
  check(context, chosen);
  const response = execute(context, chosen);
  return { ...response, header: revisionHeader(context.txn.revision) };
}

function choose(context: ReadContext, request: rpc.TxnRequest): Chosen {
  const succeeded = comparesHold(context, request.compare);
  const operations = succeeded ? request.success : request.failure;
  const nested = new Map<number, Chosen>();
  for (const [position, operation] of operations.entries()) {
    if (operation.request?.$case === 'requestTxn') {
      nested.set(position, choose(context, operation.request.value));
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

function execute(context: ApplyContext, chosen: Chosen): rpc.TxnResponse {
  return respond(chosen, (operation) => {
    switch (operation.$case) {
      case 'requestPut':
        return { $case: 'responsePut', value: applyPut(context, operation.value) };
      case 'requestDeleteRange':
        return { $case: 'responseDeleteRange', value: applyDeleteRange(context, operation.value) };
      case 'requestRange':
        return { $case: 'responseRange', value: applyRange(context, operation.value) };
      case 'requestTxn':
        return undefined;
      default:
        return unreachable(operation);
    }
  });
}

type Operation = NonNullable<rpc.RequestOp['request']>;

/** The responses of the chosen branches, in order; what each single operation does is the caller's. */
function respond(chosen: Chosen, run: (operation: Operation) => rpc.ResponseOp['response']): rpc.TxnResponse {
  const responses = chosen.operations.map(({ request }, position): rpc.ResponseOp => {
    const nested = chosen.nested.get(position);
    if (nested !== undefined) return { response: { $case: 'responseTxn', value: respond(nested, run) } };
    return { response: request && run(request) };
  });
  return { header: revisionHeader(0), succeeded: chosen.succeeded, responses };
}

/** Answers a transaction that only reads, without an entry in the log. Throws as its ranges do. */
export function readTxn(context: ReadContext, request: rpc.TxnRequest): rpc.TxnResponse {
  const response = respond(choose(context, request), (operation) =>
    operation.$case === 'requestRange'
      ? { $case: 'responseRange', value: applyRange(context, operation.value) }
      : undefined,
  );
  return { ...response, header: revisionHeader(context.txn.revision) };
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
