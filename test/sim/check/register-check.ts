import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';
import { checkLinearizable } from '../../linearizability/check.js';
import type { Action, Answer, Operation as Call } from '../../linearizability/types.js';
import type { Findings } from '../findings.js';
import { isLinearizable, type Operation } from './operation.js';

/** Keys that single-key operations alone touch: each is a register, and its history is searched for an order. */
export const REGISTER_PREFIX = 'r';

/** Linearizability by key, from the clients' calls and answers alone: it knows nothing of revisions. */
export function checkRegisters(findings: Findings, operations: readonly Operation[]): void {
  const calls: Call[] = [];
  for (const operation of operations) {
    const call = toCall(operation);
    if (call !== undefined) calls.push(call);
  }
  const result = checkLinearizable(calls, { maxSteps: 200_000 });
  if (result.verdict === 'not linearizable') findings.add('registers are linearizable', result.explanation);
}

function toCall(operation: Operation): Call | undefined {
  const { client, called, returned, response, request, refused } = operation;
  if (refused !== undefined || !isLinearizable(operation)) return undefined;
  if (request.kind === 'range') {
    const { key, rangeEnd } = request.range;
    if (rangeEnd.length > 0 || response === undefined || !isRegister(key)) return undefined;
    const [kv] = (response as rpc.RangeResponse).kvs;
    const answer: Answer = { kind: 'found', value: kv?.value.toString('latin1') ?? null };
    return { client, key: key.toString(), action: { kind: 'get' }, called, returned, answer };
  }
  const mutation = mutationOf(operation);
  return mutation === undefined ? undefined : { client, called, returned, ...mutation };
}

function mutationOf({
  request,
  response,
}: Operation): { key: string; action: Action; answer: Answer | undefined } | undefined {
  if (request.kind === 'put' && isRegister(request.put.key)) {
    const { key, value } = request.put;
    const answer: Answer | undefined = response && { kind: 'done' };
    return { key: key.toString(), action: { kind: 'put', value: value.toString('latin1') }, answer };
  }
  if (request.kind === 'delete' && isRegister(request.delete.key)) {
    const answer: Answer | undefined = response && {
      kind: 'changed',
      changed: (response as rpc.DeleteRangeResponse).deleted > 0,
    };
    return { key: request.delete.key.toString(), action: { kind: 'delete' }, answer };
  }
  if (request.kind !== 'txn') return undefined;
  const { compare, success } = request.txn;
  const swap = success[0]?.request;
  const guard = compare[0]?.targetUnion;
  if (swap?.$case !== 'requestPut' || !isRegister(swap.value.key)) return undefined;
  const action: Action = {
    kind: 'compareAndSwap',
    expected: guard?.$case === 'value' ? guard.value.toString('latin1') : null,
    value: swap.value.value.toString('latin1'),
  };
  const answer: Answer | undefined = response && {
    kind: 'changed',
    changed: (response as rpc.TxnResponse).succeeded,
  };
  return { key: swap.value.key.toString(), action, answer };
}

function isRegister(key: Buffer): boolean {
  return key.toString('latin1', 0, 1) === REGISTER_PREFIX;
}
