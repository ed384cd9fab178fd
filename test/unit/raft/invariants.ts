import type { Entry } from '../../../src/proto/generated/raft.js';
import type { MemoryStorage } from '../../../src/raft/memory-storage.js';
import type { RaftStatus } from '../../../src/raft/rawnode.js';

/** What the Raft paper's figure 3 promises, checked while a cluster runs. */
export class Invariants {
  readonly #leaders = new Map<number, bigint>();
  /** What any member has handed out as committed: `term:data` at its index. */
  readonly #committed: { term: number; data: string }[] = [];
  readonly #last = new Map<bigint, { term: number; commit: number; applied: number }>();

  get lastCommitted(): number {
    return Math.max(0, this.#committed.length - 1);
  }

  /** Each index is committed once and for all (state machine safety), in order. */
  committed(by: bigint, { index, term, data }: Entry): void {
    const text = data.toString('latin1');
    const known = this.#committed[index];
    if (known === undefined) {
      this.#require(
        index === this.lastCommitted + 1,
        `member ${by} committed ${index} after ${this.lastCommitted}`,
      );
      this.#committed[index] = { term, data: text };
    } else {
      this.#require(
        known.term === term && known.data === text,
        `member ${by} committed ${term}:${text} at ${index}, where ${known.term}:${known.data} was committed`,
      );
    }
  }

  /** After each step of a member. */
  observe(status: RaftStatus, storage: MemoryStorage): void {
    const { id, term, role, commit, applied, lastIndex } = status;
    const before = this.#last.get(id);
    if (before !== undefined) {
      this.#require(
        term >= before.term && commit >= before.commit && applied >= before.applied,
        `member ${id} went back`,
      );
    }
    this.#last.set(id, { term, commit, applied });
    this.#require(
      applied <= commit && commit <= lastIndex,
      `member ${id}: ${applied} ≤ ${commit} ≤ ${lastIndex}`,
    );
    if (role !== 'leader') return;
    const leader = this.#leaders.get(term);
    this.#require(leader === undefined || leader === id, `term ${term} had leaders ${leader} and ${id}`);
    if (leader === undefined) {
      this.#leaders.set(term, id);
      this.#checkCompleteness(id, storage);
    }
  }

  /** A new leader's log (durable as far as it isn't its own) holds every committed entry. */
  #checkCompleteness(id: bigint, storage: MemoryStorage): void {
    for (let index = storage.firstIndex(); index <= this.lastCommitted; index++) {
      this.#require(
        storage.term(index) === this.#committed[index]?.term,
        `leader ${id} lacks the committed entry ${index}`,
      );
    }
  }

  /** Log matching: logs that agree at an index agree before it. */
  checkLogMatching(logs: readonly MemoryStorage[]): void {
    for (const one of logs) {
      for (const other of logs) {
        let agreed = false;
        const low = Math.max(one.firstIndex(), other.firstIndex());
        for (let index = Math.min(one.lastIndex(), other.lastIndex()); index >= low; index--) {
          const same = one.term(index) === other.term(index);
          this.#require(same || !agreed, `logs agree after ${index} and not there`);
          agreed = agreed || same;
        }
      }
    }
  }

  /** What isn't durable may be forgotten by a restart. */
  restarted(id: bigint): void {
    this.#last.delete(id);
  }

  #require(holds: boolean, what: string): void {
    if (!holds) throw new Error(`invariant broken: ${what}`);
  }
}
