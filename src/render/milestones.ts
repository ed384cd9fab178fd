import type { RenderEvent } from './events.js';
import type { Target } from './target.js';

/** What is told once in a process: that every file was tried, and that every file is there. */
export class Milestones {
  readonly #emit: (event: RenderEvent) => void;
  #isReady = false;
  #isComplete = false;
  #written = 0;

  constructor(emit: (event: RenderEvent) => void) {
    this.#emit = emit;
  }

  /** A file was written. */
  wrote(): void {
    if (!this.#isReady) this.#written++;
  }

  /** Looks at all targets there are: those of every resource, once the keys are loaded. */
  reached(targets: readonly Target[], revision: number): void {
    if (!this.#isReady) this.#tellReady(targets, revision);
    if (!this.#isReady || this.#isComplete || targets.some(({ phase }) => phase !== 'in_sync')) return;
    this.#isComplete = true;
    this.#emit({ type: 'complete', revision });
  }

  #tellReady(targets: readonly Target[], revision: number): void {
    if (targets.some(({ tried }) => !tried)) return;
    this.#isReady = true;
    const count = (phase: Target['phase']): number =>
      targets.filter((target) => target.phase === phase).length;
    this.#emit({
      type: 'ready',
      revision,
      written: this.#written,
      inSync: Math.max(0, count('in_sync') - this.#written),
      failed: count('failed'),
      held: count('held'),
    });
  }
}
