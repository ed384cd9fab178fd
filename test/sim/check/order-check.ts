import type { Findings } from '../findings.js';
import type { Model } from './model.js';
import { describeOperation, hasWritten, isLinearizable, type Operation, revisionOf } from './operation.js';

/**
 * The order of revisions against the order of real time. Revisions are one order of all writes, and each answer names
 * the revision that it saw; it is a linearization exactly if nobody is answered with less than was answered to anybody
 * before the call.
 */
export class OrderCheck {
  readonly #findings: Findings;
  readonly #model: Model;

  constructor(findings: Findings, model: Model) {
    this.#findings = findings;
    this.#model = model;
  }

  check(operations: readonly Operation[]): void {
    const answered = operations.filter(({ response }) => response !== undefined);
    this.#sweep('reads are linearizable', answered, operations.filter(isLinearizable));
    const lifeOf = ({ machine, life }: Operation) => `${machine} ${life}`;
    for (const life of new Set(answered.map(lifeOf))) {
      const here = answered.filter((operation) => lifeOf(operation) === life);
      this.#sweep('the revisions of one member never fall', here, here);
    }
    this.#checkEffects(operations);
  }

  /** Each of `later` must be as new as the newest of `answered` that returned before it was called. */
  #sweep(rule: string, answered: readonly Operation[], later: readonly Operation[]): void {
    const returns = answered.toSorted((a, b) => a.returned - b.returned);
    const calls = later.toSorted((a, b) => a.called - b.called);
    let newest: Operation | undefined;
    let at = 0;
    for (const operation of calls) {
      for (; at < returns.length && (returns[at] as Operation).returned < operation.called; at++) {
        const before = returns[at] as Operation;
        if (newest === undefined || revisionOf(before) > revisionOf(newest)) newest = before;
      }
      if (newest === undefined) continue;
      if (operation.response === undefined) {
        this.#checkUnknown(operation, revisionOf(newest));
        continue;
      }
      const revision = revisionOf(operation);
      if (revision < revisionOf(newest) || (hasWritten(operation) && revision === revisionOf(newest))) {
        this.#findings.add(
          rule,
          `${describeOperation(operation)} was answered at revision ${revision}, but before it was called ${describeOperation(newest)} had been at ${revisionOf(newest)}`,
        );
        return;
      }
    }
  }

  /** Without an answer it may have happened, but not before it was asked for. */
  #checkUnknown(operation: Operation, after: number): void {
    const revision = this.#effects.get(operation.tag);
    if (revision === undefined || revision > after) return;
    this.#findings.add(
      'reads are linearizable',
      `${describeOperation(operation)} has made revision ${revision}, but was called when ${after} was known`,
    );
  }

  readonly #effects = new Map<string, number>();

  /** Reads from the history what became of each operation that puts. */
  index(): void {
    for (let revision = 2; revision <= this.#model.head; revision++) {
      for (const { type, value } of this.#model.events(revision)) {
        if (type === 'delete') continue;
        const tag = value.toString('latin1');
        const known = this.#effects.get(tag);
        if (known !== undefined && known !== revision)
          this.#findings.add('nothing happens twice', `${tag} was written at ${known} and at ${revision}`);
        this.#effects.set(tag, revision);
      }
    }
  }

  #checkEffects(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const revision = this.#effects.get(operation.tag);
      if (operation.refused !== undefined && revision !== undefined) {
        this.#findings.add(
          'what is refused has no effect',
          `${describeOperation(operation)} was refused (${operation.refused}), and has made revision ${revision}`,
        );
      }
    }
  }
}
