import type { Prng } from '../../../src/base/prng.js';
import type { Request } from '../check/operation.js';
import {
  deleteOp,
  deleteRequest,
  hasVersion,
  holds,
  putOp,
  putRequest,
  rangeOp,
  rangeRequest,
  unchangedSince,
} from './requests.js';

/** Few keys, so that clients meet: registers (one key an operation), and keys that transactions touch together. */
const REGISTERS = 3;
const SHARED = 4;

/** Keys that are written and deleted many at a time, so that entries take many slices. */
const MANY = 16;
const MANY_AT_ONCE = 9;

/** What a client has seen: it makes guards that hold about half of the time. */
export interface Knowledge {
  revision: number;
  readonly values: Map<string, string>;
}

/** The next thing a client asks for; what it writes carries `tag`. */
export function drawRequest(prng: Prng, tag: string, knowledge: Knowledge): Request {
  const register = `r${prng.below(REGISTERS)}`;
  const kind = prng.below(20);
  if (kind < 5) return { kind: 'put', put: putRequest(register, tag, { prevKv: prng.chance(0.3) }) };
  if (kind < 10) return { kind: 'range', range: rangeRequest(register) };
  if (kind === 10) return { kind: 'delete', delete: deleteRequest(register) };
  if (kind < 13) return swap(register, tag, knowledge);
  if (kind < 15) return { kind: 'range', range: rangeRequest('a', 'z', { serializable: prng.chance(0.5) }) };
  if (kind === 15) return past(prng, knowledge);
  if (kind === 16) return { kind: 'delete', delete: deleteRequest('t', `t${prng.below(SHARED)}`, true) };
  return shared(prng, tag, knowledge);
}

/** The next thing that a client asks for who deals with many keys at once; a guard over all of them may be part of it. */
export function drawBulk(prng: Prng, tag: string, { revision }: Knowledge): Request {
  const key = () => `w${String(prng.below(MANY)).padStart(2, '0')}`;
  const kind = prng.below(10);
  if (kind < 5) {
    const keys = new Set(Array.from({ length: MANY_AT_ONCE }, key));
    const success = [...keys].map((each) => putOp(putRequest(each, tag)));
    return { kind: 'txn', txn: { compare: [], success, failure: [] } };
  }
  if (kind === 5) return { kind: 'delete', delete: deleteRequest('w', 'x', prng.chance(0.3)) };
  if (kind === 6) return { kind: 'delete', delete: deleteRequest('s', 'x', true) };
  if (kind === 7) return { kind: 'range', range: rangeRequest('w', 'x', { serializable: prng.chance(0.5) }) };
  const reads = [rangeOp(rangeRequest('w', 'x')), rangeOp(rangeRequest('a', 'z'))];
  if (kind === 8) return { kind: 'txn', txn: { compare: [], success: reads, failure: [] } };
  const all = rangeOp(rangeRequest('v', 'x'));
  const middle = key();
  // As etcd has it, no key is written twice.
  const success = [
    deleteOp(deleteRequest(middle, 'x', true)),
    putOp(putRequest(`v${prng.below(3)}`, tag)),
    all,
    deleteOp(deleteRequest('w', middle, prng.chance(0.5))),
    putOp(putRequest('v3', tag)),
    all,
  ];
  const compare = [unchangedSince(key(), prng.chance(0.8) ? revision + 3 : revision - 3)];
  return { kind: 'txn', txn: { compare, success, failure: [all] } };
}

function swap(register: string, tag: string, { values }: Knowledge): Request {
  const guard = holds(register, values.get(register) ?? null);
  const success = [putOp(putRequest(register, tag))];
  return { kind: 'txn', txn: { compare: [guard], success, failure: [] } };
}

/** A read of some revision that the client has seen. */
function past(prng: Prng, { revision }: Knowledge): Request {
  const range = rangeRequest('a', 'z', { revision: Math.max(1, revision - prng.below(8)) });
  return { kind: 'range', range };
}

/** Several keys at once, under guards. */
function shared(prng: Prng, tag: string, { revision }: Knowledge): Request {
  const first = prng.below(SHARED);
  const key = (offset: number) => `t${(first + offset) % SHARED}`;
  const compare = [
    unchangedSince(key(0), prng.chance(0.7) ? revision + 3 : revision - 3),
    ...(prng.chance(0.3) ? [hasVersion(key(1), prng.below(4))] : []),
  ];
  const success = [
    putOp(putRequest(key(0), tag, { prevKv: prng.chance(0.5) })),
    prng.chance(0.3) ? deleteOp(deleteRequest(key(1), '', true)) : putOp(putRequest(key(1), tag)),
    rangeOp(rangeRequest('t', 'u')),
    ...(prng.chance(0.5) ? [putOp(putRequest(key(2), tag))] : []),
  ];
  const failure = [
    rangeOp(rangeRequest('t', 'u')),
    ...(prng.chance(0.3) ? [putOp(putRequest(key(3), tag))] : []),
  ];
  return { kind: 'txn', txn: { compare, success, failure } };
}
