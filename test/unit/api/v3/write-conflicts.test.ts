import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkWriteConflicts } from '../../../../src/api/v3/write-conflicts.js';
import { DeleteRangeRequest, PutRequest, type RequestOp } from '../../../../src/proto/generated/etcd_rpc.js';

const KEYS = ['a', 'b', 'c', 'd'];

type Op =
  | { kind: 'put'; key: string }
  | { kind: 'delete'; from: string; to: string }
  | { kind: 'txn'; success: Op[]; failure: Op[] };

const { ops } = fc.letrec<{ op: Op; ops: Op[] }>((tie) => ({
  op: fc.oneof(
    { maxDepth: 3 },
    fc.record({ kind: fc.constant('put' as const), key: fc.constantFrom(...KEYS) }),
    fc.record({
      kind: fc.constant('delete' as const),
      from: fc.constantFrom(...KEYS),
      to: fc.constantFrom('', '\0', 'b', 'c', 'e'),
    }),
    fc.record({ kind: fc.constant('txn' as const), success: tie('ops'), failure: tie('ops') }),
  ),
  ops: fc.array(tie('op'), { maxLength: 4 }),
}));

function wire(op: Op): RequestOp {
  if (op.kind === 'put') {
    return { request: { $case: 'requestPut', value: PutRequest.fromPartial({ key: Buffer.from(op.key) }) } };
  }
  if (op.kind === 'delete') {
    const value = DeleteRangeRequest.fromPartial({ key: Buffer.from(op.from), rangeEnd: Buffer.from(op.to) });
    return { request: { $case: 'requestDeleteRange', value } };
  }
  const value = { compare: [], success: op.success.map(wire), failure: op.failure.map(wire) };
  return { request: { $case: 'requestTxn', value } };
}

const deletes = ({ from, to }: { from: string; to: string }, key: string) =>
  to === '' ? key === from : key >= from && (to === '\0' || key < to);

/** Every way the branches can go, as the lists of single writes that then happen. */
function runs(list: readonly Op[]): (Op & { kind: 'put' | 'delete' })[][] {
  return list.reduce<(Op & { kind: 'put' | 'delete' })[][]>(
    (before, op) => {
      const after = op.kind === 'txn' ? [...runs(op.success), ...runs(op.failure)] : [[op]];
      return before.flatMap((head) => after.map((tail) => [...head, ...tail]));
    },
    [[]],
  );
}

/** The rule, said plainly: in no run is a key put twice, or put and deleted. */
function conflicts(list: readonly Op[]): boolean {
  return runs(list).some((run) =>
    KEYS.some((key) => {
      const puts = run.filter((op) => op.kind === 'put' && op.key === key).length;
      const gone = run.some((op) => op.kind === 'delete' && deletes(op, key));
      return puts > 1 || (puts === 1 && gone);
    }),
  );
}

describe('conflicting writes of a transaction', () => {
  it('are those of some run of its branches', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        ops.filter((list) => runs(list).length <= 500),
        (list) => {
          let found = false;
          try {
            checkWriteConflicts(list.map(wire));
          } catch {
            found = true;
            refused++;
          }
          expect(found).toBe(conflicts(list));
        },
      ),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  it('are found quickly among many', () => {
    const many: Op[] = Array.from({ length: 4_000 }, (_, i) =>
      i % 2 === 0
        ? { kind: 'put', key: `key${i}` }
        : { kind: 'txn', success: [{ kind: 'delete', from: `key${i}`, to: '' }], failure: [] },
    );
    const list = many.map(wire);
    const started = performance.now();
    checkWriteConflicts(list);
    expect(performance.now() - started).toBeLessThan(200);
  });
});
