import type { Prng } from '../../../src/base/prng.js';
import type { Machine } from '../machine.js';
import type { World } from '../world.js';

const NORMAL_MS = 1;
const ROOM_BYTES = 12_000;
/** A member whose log has failed is given so long to give up. */
const HALT_MS = 1_000;

/** Disks that are slow, full, or fail. */
export class DiskFaults {
  readonly #world: World;
  readonly #prng: Prng;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  slowDisk(): void {
    this.slow(this.#world.anyMachine(this.#prng));
  }

  slow(machine: Machine): void {
    const ms = this.#prng.float() * this.#world.profile.slowDiskMs;
    this.#world.trace.add(machine.name, `its disk takes up to ${ms.toFixed(0)} ms`);
    machine.disk.setMaxLatency(ms);
    this.#world.clock.schedule(this.#prng.float() * 5_000, () => machine.disk.setMaxLatency(NORMAL_MS));
  }

  /** One of the next writes or syncs fails, and what it was about is lost. */
  failDisk(): void {
    const machine = this.#world.anyMachine(this.#prng);
    const operation = this.#prng.chance(0.7) ? 'sync' : 'write';
    let left = this.#prng.below(20);
    machine.disk.failWhen((step) => {
      if (step.operation !== operation || left-- > 0) return undefined;
      machine.disk.failWhen(undefined);
      this.#world.trace.add(machine.name, `a ${operation} of ${step.path} fails`);
      machine.diskFailed = true;
      if (step.path.endsWith('.wal')) this.#expectHalt(machine);
      return 'EIO';
    });
  }

  /** Whatever it did next might not be what its log says. */
  #expectHalt(machine: Machine): void {
    const { process } = machine;
    if (process === undefined) return;
    process.schedule(HALT_MS, () =>
      this.#world.findings.add(
        'a member whose log has failed halts',
        `${machine.name} goes on ${HALT_MS} ms after a failed write or sync of its log`,
      ),
    );
  }

  fullDisk(): void {
    const machine = this.#world.anyMachine(this.#prng);
    this.#world.trace.add(machine.name, 'its disk is almost full');
    machine.setFull(true, this.#prng.below(ROOM_BYTES));
    this.#world.clock.schedule(this.#prng.float() * 6_000, () => {
      machine.setFull(false, 0);
      this.#world.trace.add(machine.name, 'its disk has room again');
    });
  }

  repairAll(): void {
    for (const machine of this.#world.machines) {
      machine.setFull(false, 0);
      machine.disk.failWhen(undefined);
      machine.disk.setMaxLatency(NORMAL_MS);
    }
  }
}
