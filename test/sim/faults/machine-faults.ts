import type { Prng } from '../../../src/base/prng.js';
import type { Machine } from '../machine.js';
import type { World } from '../world.js';

const MAX_PAUSE_MS = 4_000;
const STEPS = 60;

/** Ends of processes and of power, and processes that stand still. */
export class MachineFaults {
  readonly #world: World;
  readonly #prng: Prng;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  kill(): void {
    this.#world.anyMachine(this.#prng).crash('process');
  }

  killAtStep(): void {
    this.#world.anyMachine(this.#prng).crashSoon('process', STEPS);
  }

  killAll(): void {
    for (const machine of this.#world.machines) machine.crash('process');
  }

  power(): void {
    this.#world.anyMachine(this.#prng).crash('power');
  }

  /** As a service is restarted: it may hand leadership over, and writes down what is pending. */
  stop(): void {
    this.#world.anyMachine(this.#prng).stop();
  }

  powerAtStep(): void {
    this.#world.anyMachine(this.#prng).crashSoon('power', STEPS);
  }

  powerAll(): void {
    for (const machine of this.#world.machines) machine.crash('power');
  }

  pause(): void {
    this.#pause(this.#world.anyMachine(this.#prng));
  }

  /** For so long at least, and perhaps so long that the others elect another one, which it can't know when it wakes. */
  pauseLeader(atLeastMs = 0): void {
    this.#pause(this.#world.leader ?? this.#world.anyMachine(this.#prng), atLeastMs);
  }

  #pause(machine: Machine, atLeastMs = 0): void {
    const { process } = machine;
    if (process === undefined || process.paused) return;
    const ms = atLeastMs + this.#prng.float() ** 2 * (MAX_PAUSE_MS - atLeastMs);
    this.#world.trace.add(machine.name, `stands still for ${ms.toFixed(0)} ms`);
    process.pause();
    this.#world.clock.schedule(ms, () => process.resume());
  }

  jumpWall(): void {
    const machine = this.#world.anyMachine(this.#prng);
    const byMs = (this.#prng.float() - 0.5) * 2 * 86_400_000;
    this.#world.trace.add(machine.name, `its wall clock jumps by ${(byMs / 1_000).toFixed(0)} s`);
    machine.process?.jumpWall(byMs);
  }

  resumeAll(): void {
    for (const { process } of this.#world.machines) process?.resume();
  }
}
