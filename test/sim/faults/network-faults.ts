import type { Prng } from '../../../src/base/prng.js';
import type { World } from '../world.js';

/** Cuts between machines: symmetric, one-way, around one. */
export class NetworkFaults {
  readonly #world: World;
  readonly #prng: Prng;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  /** Two sides that don't reach each other. */
  partition(): void {
    const side = new Map(this.#names().map((name) => [name, this.#prng.chance(0.5)]));
    this.#cut((from, to) => side.get(from) !== side.get(to));
    const names = [...side].filter(([, one]) => one).map(([name]) => name);
    this.#world.trace.add('net', `cut between ${names.join(' ') || 'nobody'} and the others`);
  }

  /** Some directions are lost, the opposite ones may not be. */
  oneWay(): void {
    const cuts: string[] = [];
    this.#cut((from, to) => {
      const cut = this.#prng.chance(0.3);
      if (cut) cuts.push(`${from}→${to}`);
      return cut;
    });
    this.#world.trace.add('net', `cut ${cuts.join(' ')}`);
  }

  isolate(): void {
    this.#isolate(this.#world.anyMachine(this.#prng).name);
  }

  isolateLeader(): void {
    const { leader } = this.#world;
    if (leader !== undefined) this.#isolate(leader.name);
  }

  #isolate(name: string): void {
    // At times it hears the others, or is heard, all the same.
    const way = this.#prng.below(4);
    this.#cut((from, to) => (from === name && way !== 0) || (to === name && way !== 1));
    this.#world.trace.add('net', `${name} ${['is not heard of', 'hears nothing'][1 - way] ?? 'is cut off'}`);
  }

  mend(): void {
    if (!this.#world.wires.isCut) return;
    this.#world.wires.mend();
    this.#world.trace.add('net', 'mended');
  }

  #names(): string[] {
    return this.#world.machines.map(({ name }) => name);
  }

  #cut(where: (from: string, to: string) => boolean): void {
    const { wires } = this.#world;
    wires.mend();
    for (const from of this.#names()) {
      for (const to of this.#names()) if (from !== to && where(from, to)) wires.cut(from, to);
    }
  }
}
