import { assert } from '../base/assert.js';
import type { Lessor } from '../lease/lessor.js';
import type { SnapshotMetadata } from '../proto/generated/raft.js';
import type { RawNode } from '../raft/rawnode.js';
import type { Store } from '../store/store.js';
import type { Alarms } from './alarms.js';
import type { Proposals } from './proposals.js';
import type { Staged, StateFolder } from './state-folder.js';

export interface SnapshotInstallParts {
  readonly raft: RawNode;
  readonly states: StateFolder;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly proposals: Proposals;
  /** Everything that the state tells of members may be different. */
  stateReplaced(): void;
}

/**
 * A leader's state becomes this member's own, in steps of which each is durable before the next: staged aside; then, at
 * raft's word, recorded in the WAL (by the loop) and switched to. A crash in between is settled by the next start.
 */
export class SnapshotInstall {
  readonly #parts: SnapshotInstallParts;
  #staged: Staged | undefined;

  constructor(parts: SnapshotInstallParts) {
    this.#parts = parts;
  }

  /**
   * Writes a state aside, in place of one that was staged before, and tells raft of it by `step`. Index and configuration
   * come from the state itself.
   */
  async stage(chunks: AsyncIterable<Buffer>, step: (metadata: SnapshotMetadata) => void): Promise<void> {
    const { states, raft } = this.#parts;
    const staged = await states.stage(chunks);
    const { index, term, confState } = staged;
    step({ index, term, confState });
    if (raft.pendingSnapshot === index) {
      states.accept(staged);
      this.#staged = staged;
    } else {
      // Raft passes over one that is older than the log here.
      await states.drop(staged);
    }
  }

  /** Switches to the staged state. Its record in the WAL is durable. */
  async install(metadata: SnapshotMetadata): Promise<void> {
    const { states, store, lessor, alarms, proposals } = this.#parts;
    const staged = this.#staged;
    assert(staged?.index === metadata.index, 'a snapshot is installed that was not staged');
    const backend = await states.install(staged);
    await store.restore(backend);
    lessor.load(store);
    alarms.load(store.table('alarms'));
    proposals.stateReplaced(metadata.term);
    this.#staged = undefined;
    this.#parts.stateReplaced();
    await states.forget();
  }
}
