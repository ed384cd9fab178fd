import { substitute } from '../command/substitute.js';
import type { Resource } from '../confdir/types.js';
import { type PassResult, runPass } from './pipeline.js';
import type { Target } from './target.js';
import type { World } from './world.js';

/** Resources with the same key share a lane: those with the same reload command, and each other one by itself. */
export function laneKey({ dest, reloadCmd }: Resource): string {
  return reloadCmd === undefined
    ? `dest ${dest}`
    : `reload ${JSON.stringify(substitute(reloadCmd, { src: dest, dest }))}`;
}

/**
 * Targets that are reloaded together. One pass at a time: what becomes due during a pass, its reload included, goes to the
 * next one, which renders the newest revision only. Lanes run side by side.
 */
export class Lane {
  readonly #world: World;
  readonly #onPass: (lane: Lane, pass: PassResult) => void;
  readonly #members = new Set<Target>();
  readonly #due = new Set<Target>();
  #reloadDue = false;
  #running: Promise<void> | undefined;

  constructor(world: World, onPass: (lane: Lane, pass: PassResult) => void) {
    this.#world = world;
    this.#onPass = onPass;
  }

  get members(): ReadonlySet<Target> {
    return this.#members;
  }

  /** Reload commands that failed in a row. */
  failures = 0;

  join(target: Target): void {
    this.#members.add(target);
  }

  leave(target: Target): void {
    this.#members.delete(target);
    this.#due.delete(target);
  }

  /** The target is part of the next pass. Nothing starts before `start`. */
  add(target: Target): void {
    this.#due.add(target);
  }

  /** The next pass tries a reload again. */
  reloadAgain(): void {
    this.#reloadDue = true;
  }

  start(): void {
    if (this.#running === undefined && this.#hasWork()) this.#running = this.#run();
  }

  /** Resolves once no pass runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #hasWork(): boolean {
    return !this.#world.stopping.aborted && (this.#due.size > 0 || this.#reloadDue);
  }

  async #run(): Promise<void> {
    while (this.#hasWork()) {
      const members = [...this.#members];
      const due = [...this.#due];
      this.#due.clear();
      this.#reloadDue = false;
      const releases = await Promise.all(members.map((target) => target.acquire()));
      try {
        const pass = await runPass(due, members, this.#world);
        for (const target of due) target.end();
        this.#onPass(this, pass);
      } finally {
        for (const release of releases) release();
      }
    }
    // In the same turn as the last look for work: nothing can become due in between.
    this.#running = undefined;
  }
}
