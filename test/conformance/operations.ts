import type { RequestOp, TxnRequest } from '../../src/proto/generated/etcd_rpc.js';
import { bytes, put, range } from './rpc.js';

/** A transaction that says the rest, too: nothing. */
export function txn(request: Partial<TxnRequest>): TxnRequest {
  return { compare: [], success: [], failure: [], ...request };
}

export function putOp(key: string, value = ''): RequestOp {
  return { request: { $case: 'requestPut', value: put(key, value) } };
}

export function rangeOp(key: string): RequestOp {
  return { request: { $case: 'requestRange', value: range(key) } };
}

export function delOp(key: string, end = ''): RequestOp {
  return {
    request: { $case: 'requestDeleteRange', value: { key: bytes(key), rangeEnd: bytes(end), prevKv: false } },
  };
}

export function txnOp(request: Partial<TxnRequest>): RequestOp {
  return { request: { $case: 'requestTxn', value: txn(request) } };
}

/** Of texts with a character a byte. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
