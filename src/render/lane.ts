import { substitute } from '../command/substitute.js';
import type { Resource } from '../confdir/types.js';
import { isObstacle, type PassResult, runPass } from './pipeline.js';
import type { Target } from './target.js';
import type { World } from './world.js';

/** Resources with the same key share a lane: those of a group, those with the same reload command, and each other one by itself. */
export function laneKey({ dest, reloadCmd, lane }: Resource): string {
  if (lane !== undefined) return `group ${lane}`;
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
  /** The files of a group are swapped together or not at all. */
  readonly atomic: boolean;
  /** What a schedule knows a group's quiet period by; the lane itself is known by its reloads. */
  readonly spell: object = {};
  /** Of a group that could not be swapped: they are part of each pass until it can. */
  #blocked: ReadonlySet<Target> = new Set();
  #reloadDue = false;
  #running: Promise<void> | undefined;

  constructor(
    world: World,
    options: { readonly atomic: boolean },
    onPass: (lane: Lane, pass: PassResult) => void,
  ) {
    this.atomic = options.atomic;
    this.#world = world;
    this.#onPass = onPass;
  }

  get members(): ReadonlySet<Target> {
    return this.#members;
  }

  /** Targets that go with any other of the lane. */
  get blocked(): ReadonlySet<Target> {
    return this.#blocked;
  }

  /** Reload commands that failed in a row. */
  failures = 0;

  join(target: Target): void {
    this.#members.add(target);
  }

  leave(target: Target): void {
    this.#members.delete(target);
    this.#due.delete(target);
    this.#blocked = new Set([...this.#blocked].filter((one) => one !== target));
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
    // What else becomes due in this turn, by the timer of a batch, is part of the same pass.
    await Promise.resolve();
    while (this.#hasWork()) {
      const members = [...this.#members];
      const due = [...new Set([...this.#due, ...(this.#due.size > 0 ? this.#blocked : [])])];
      this.#due.clear();
      this.#reloadDue = false;
      const releases = await Promise.all(members.map((target) => target.acquire()));
      try {
        const pass = await runPass(due, { members, atomic: this.atomic }, this.#world);
        if (due.length > 0) this.#block(due, pass);
        for (const target of due) target.end();
        this.#onPass(this, pass);
      } finally {
        for (const release of releases) release();
      }
    }
    // In the same turn as the last look for work: nothing can become due in between.
    this.#running = undefined;
  }

  #block(due: readonly Target[], { results }: PassResult): void {
    const gone = (target: Target): boolean => !this.#members.has(target);
    const torn = this.atomic && results.some(isObstacle);
    this.#blocked = new Set(torn ? due.filter((target) => !gone(target)) : []);
  }
}
