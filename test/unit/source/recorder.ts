import { expect } from 'vitest';
import type { ChangeBatch, Snapshot, SourceListener } from '../../../src/source/types.js';

/** Remembers what a following source tells, applies it, and lets tests await a state. */
export class Recorder implements SourceListener {
  readonly state = new Map<string, string>();
  readonly snapshots: Snapshot[] = [];
  readonly batches: ChangeBatch[] = [];
  readonly losses: string[] = [];
  readonly finds: string[] = [];
  /** Of each change since the first snapshot, in the order in which they were told. */
  readonly revisions: number[] = [];
  revision = 0;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  snapshot(snapshot: Snapshot): void {
    this.snapshots.push(snapshot);
    this.state.clear();
    for (const pair of snapshot.pairs) this.state.set(pair.key, pair.value);
    this.revision = snapshot.revision;
    this.#wake();
  }

  changes(batch: ChangeBatch): void {
    expect(batch.revision).toBeGreaterThan(this.revision);
    this.batches.push(batch);
    for (const change of batch.changes) {
      this.revisions.push(change.type === 'put' ? change.pair.modRevision : change.modRevision);
      if (change.type === 'put') this.state.set(change.pair.key, change.pair.value);
      else this.state.delete(change.key);
    }
    this.revision = batch.revision;
    this.#wake();
  }

  found(where: string): void {
    this.finds.push(where);
    this.#wake();
  }

  lost(reason: string): void {
    this.losses.push(reason);
    this.#wake();
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  #wake(): void {
    for (const waiter of this.#waiting.filter(({ holds }) => holds())) waiter.resolve();
    this.#waiting = this.#waiting.filter(({ holds }) => !holds());
  }
}
