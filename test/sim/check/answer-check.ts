import type * as rpc from '../../../src/proto/generated/etcd_rpc.js';
import type { Findings } from '../findings.js';
import {
  answerOfDelete,
  answerOfPut,
  answerOfRange,
  answerOfTxn,
  type Evaluated,
  evaluateDelete,
  evaluatePut,
  evaluateRange,
  evaluateTxn,
} from './evaluate.js';
import type { Model, ModelEvent } from './model.js';
import { describeOperation, hasWritten, type Operation, revisionOf } from './operation.js';

/**
 * Replays every answered operation at its place in the order of revisions, and compares what it was told and what it
 * wrote with what a model of the keyspace says.
 */
export function checkAnswers(findings: Findings, model: Model, operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.response === undefined) continue;
    const revision = revisionOf(operation);
    if (revision > model.head) {
      findings.add(
        'no acknowledged write is lost',
        `${describeOperation(operation)} was answered at revision ${revision}, which nobody has`,
      );
      return;
    }
    const wrote = hasWritten(operation);
    const [expected, answer] = evaluate(
      model,
      wrote ? revision - 1 : revision,
      operation,
      operation.response,
    );
    if (expected.answer !== answer) {
      findings.add(
        'answers are right',
        `${describeOperation(operation)} at revision ${revision} was told "${answer}"; right is "${expected.answer}"`,
      );
      return;
    }
    if (wrote && !isWhole(expected.events, model.events(revision))) {
      findings.add(
        'no acknowledged write is lost',
        `${describeOperation(operation)} was answered at revision ${revision}, which holds something else`,
      );
      return;
    }
  }
}

function evaluate(
  model: Model,
  revision: number,
  { request }: Operation,
  response: NonNullable<Operation['response']>,
): [Evaluated, string] {
  switch (request.kind) {
    case 'range':
      return [evaluateRange(model, revision, request.range), answerOfRange(response as rpc.RangeResponse)];
    case 'put':
      return [evaluatePut(model, revision, request.put), answerOfPut(response as rpc.PutResponse)];
    case 'delete':
      return [
        evaluateDelete(model, revision, request.delete),
        answerOfDelete(response as rpc.DeleteRangeResponse, request.delete.prevKv),
      ];
    case 'txn':
      return [
        evaluateTxn(model, revision, request.txn),
        answerOfTxn(response as rpc.TxnResponse, request.txn),
      ];
  }
}

function isWhole(expected: ReadonlyMap<string, ModelEvent>, found: readonly ModelEvent[]): boolean {
  return (
    expected.size === found.length &&
    found.every(({ type, key, value, lease }) => {
      const wanted = expected.get(key);
      return wanted?.type === type && wanted.value.equals(value) && wanted.lease === lease;
    })
  );
}
