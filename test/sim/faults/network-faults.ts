import type { Prng } from '../../../src/base/prng.js';
import type { Machine } from '../machine.js';
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

  /** The leader and one other, who is answered, are cut off together for about as long as an election takes. */
  strandPair(): Machine | undefined {
    const { leader, machines, clock } = this.#world;
    const others = machines.filter((machine) => machine !== leader);
    const follower = others[this.#prng.below(others.length)];
    if (leader === undefined || follower === undefined) return undefined;
    const pair = [leader.name, follower.name];
    this.#cut((from, to) => pair.includes(from) !== pair.includes(to));
    this.#world.trace.add('net', `${pair.join(' and ')} are cut off`);
    clock.schedule(1_500 + this.#prng.float() * 1_000, () => this.mend());
    return follower;
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
