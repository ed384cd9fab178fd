import type { Prng } from '../../../src/base/prng.js';
import { sleep } from '../../../src/io/clock.js';
import type { World } from '../world.js';
import { DiskFaults } from './disk-faults.js';
import type { FaultKind } from './kinds.js';
import { MachineFaults } from './machine-faults.js';
import { NetworkFaults } from './network-faults.js';
import { Operator } from './operator.js';

/** Draws faults by the weights of the profile, until its time is over; then undoes all that can be undone. */
export class Nemesis {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #machines: MachineFaults;
  readonly #network: NetworkFaults;
  readonly #disks: DiskFaults;
  readonly #operator: Operator;

  constructor(world: World) {
    this.#world = world;
    this.#prng = world.fork();
    this.#machines = new MachineFaults(world, this.#prng);
    this.#network = new NetworkFaults(world, this.#prng);
    this.#disks = new DiskFaults(world, this.#prng);
    this.#operator = new Operator(world, this.#prng);
  }

  get busy(): boolean {
    return this.#operator.busy;
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { faultMs, faultEveryMs, faults } = world.profile;
    const kinds = Object.entries(faults).flatMap(([kind, weight]) => Array<string>(weight).fill(kind));
    world.wires.weather = world.profile.weather;
    while (world.clock.monotonicMs() < faultMs) {
      // Waits of a Poisson process: faults come in bunches too.
      await sleep(world.clock, -Math.log(1 - this.#prng.float()) * faultEveryMs);
      const kind = kinds[this.#prng.below(Math.max(kinds.length, 1))] as FaultKind | undefined;
      if (kind === undefined) continue;
      world.counters.faults[kind] = (world.counters.faults[kind] ?? 0) + 1;
      this.#strike(kind);
    }
  }

  #strike(kind: FaultKind): void {
    switch (kind) {
      case 'kill':
      case 'killAtStep':
      case 'killAll':
      case 'power':
      case 'stop':
      case 'powerAtStep':
      case 'powerAll':
      case 'pause':
      case 'pauseLeader':
      case 'jumpWall':
        this.#machines[kind]();
        return;
      case 'partition':
      case 'oneWay':
      case 'isolate':
      case 'isolateLeader':
      case 'mend':
        this.#network[kind]();
        return;
      case 'strandLeader':
        this.#network.isolateLeader();
        this.#machines.pauseLeader(1_200);
        return;
      case 'strandPair': {
        const follower = this.#network.strandPair();
        if (follower !== undefined) this.#disks.slow(follower);
        return;
      }
      case 'slowDisk':
      case 'failDisk':
      case 'fullDisk':
        this.#disks[kind]();
        return;
      case 'transfer':
      case 'compact':
      case 'addLearner':
      case 'addVoter':
      case 'promote':
      case 'remove':
      case 'update':
      case 'wipe':
        this.#operator[kind]();
    }
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.#world.faulty = false;
    this.#network.mend();
    this.#world.wires.weather = { ...this.#world.wires.weather, ...CALM };
    this.#machines.resumeAll();
    this.#disks.repairAll();
  }
}

const CALM = {
  loss: 0,
  duplication: 0,
  straggling: 0,
  cutTransfer: 0,
  corruptTransfer: 0,
  reordering: false,
};
