import type { Clock, Timer } from '../../src/io/clock.js';
import type { VirtualClock } from './clock.js';

export interface ProcessTime {
  /** Its monotonic milliseconds to one of true time: a quartz is some 50 ppm off, a bad virtual machine per cents. */
  readonly rate: number;
  /** What its wall clock is ahead. */
  readonly wallOffsetMs: number;
}

/**
 * The clock of one process, and the gate to it: whatever happens in a process (a timer, an answer of the disk, a
 * message) enters here. A paused process lets nothing in, and catches up when it is resumed; a dead one never again.
 */
export class ProcessClock implements Clock {
  /** Whose code runs now. Between two tasks promises settle, so their code belongs to the task before. */
  static current: ProcessClock | undefined;

  readonly #world: VirtualClock;
  readonly #rate: number;
  #wallOffsetMs: number;
  /** What came while it was paused; undefined: it runs. */
  #held: (() => void)[] | undefined;
  #dead = false;
  /** What its turns take. */
  turnMs = 0;

  constructor(world: VirtualClock, time: ProcessTime = { rate: 1, wallOffsetMs: 0 }) {
    this.#world = world;
    this.#rate = time.rate;
    this.#wallOffsetMs = time.wallOffsetMs;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  monotonicMs(): number {
    return this.#world.monotonicMs() * this.#rate;
  }

  wallMs(): number {
    return this.#world.wallMs() + this.#wallOffsetMs;
  }

  schedule(delayMs: number, task: () => void): Timer {
    let cancelled = false;
    const timer = this.#world.schedule(delayMs / this.#rate, () =>
      this.enter(() => {
        if (!cancelled) task();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  yield(): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(this.turnMs, resolve);
    });
  }

  /** Something happens to the process: now, or once it isn't paused any more. */
  enter(task: () => void): void {
    if (this.#dead) return;
    if (this.#held !== undefined) {
      this.#held.push(task);
      return;
    }
    ProcessClock.current = this;
    task();
  }

  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** SIGSTOP: time goes on, the process doesn't. */
  pause(): void {
    this.#held ??= [];
  }

  /** SIGCONT: all that is due happens, in order, each in a turn of its own. */
  resume(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    for (const task of held) this.#world.schedule(0, () => this.enter(task));
  }

  /** The process ends: what it had scheduled is gone. */
  die(): void {
    this.#dead = true;
    this.#held = undefined;
  }
}
