import { etcdError } from '../../base/etcd-errors.js';
import type { RequestOp, TxnRequest } from '../../proto/generated/etcd_rpc.js';
import { checkKey } from './check-key.js';
import { checkPut } from './check-put.js';
import { checkDeleteRange, checkRange } from './check-range.js';
import { checkWriteConflicts } from './write-conflicts.js';

/**
 * Operations of a transaction with all that is nested in it, as a multiple of max-txn-ops. etcd has no such bound;
 * without one a request of 2 MiB could nest a quarter of a million.
 */
const NESTED_OPS_FACTOR = 64;

/**
 * Everything about a transaction that can be judged without the store, before any of it has an effect: counts, keys,
 * each operation's own rules, then writes that conflict. All are invalid_argument, in etcd's order.
 */
export function checkTxn(request: TxnRequest, maxOps: number): void {
  const budget = { left: maxOps * NESTED_OPS_FACTOR };
  checkTree(request, maxOps, budget);
  checkWriteConflicts(request.success);
  checkWriteConflicts(request.failure);
}

function checkTree(txn: TxnRequest, maxOps: number, budget: { left: number }): void {
  const ops = Math.max(txn.compare.length, txn.success.length, txn.failure.length);
  if (ops > maxOps) throw etcdError('tooManyOps');
  budget.left -= txn.compare.length + txn.success.length + txn.failure.length;
  if (budget.left < 0) throw etcdError('tooManyOps');
  for (const compare of txn.compare) if (compare.key.length === 0) throw etcdError('emptyKey');
  // What this level uses is taken from the levels below.
  for (const op of txn.success) checkOp(op, maxOps - ops, budget);
  for (const op of txn.failure) checkOp(op, maxOps - ops, budget);
}

function checkOp({ request }: RequestOp, maxOps: number, budget: { left: number }): void {
  switch (request?.$case) {
    case 'requestRange':
      checkRange(request.value);
      break;
    case 'requestPut':
      checkPut(request.value);
      checkKey(request.value.key);
      break;
    case 'requestDeleteRange':
      checkDeleteRange(request.value);
      break;
    case 'requestTxn':
      checkTree(request.value, maxOps, budget);
      break;
    case undefined:
      throw etcdError('keyNotFound');
  }
}
