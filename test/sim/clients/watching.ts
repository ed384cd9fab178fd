import type { Prng } from '../../../src/base/prng.js';
import { sleep } from '../../../src/io/clock.js';
import type { WatchBatch, Watcher } from '../../../src/store/types.js';
import { WatchCheck } from '../check/watch-check.js';
import type { Machine } from '../machine.js';
import type { ProcessClock } from '../process-clock.js';
import type { World } from '../world.js';

const RANGES = [
  { key: 'a', end: 'z' },
  { key: 't', end: 'u' },
  { key: 'r0', end: '' },
  { key: 'l', end: 'm' },
];

/** A client that watches: it goes on where it was, at any member, and is slow at times. */
export class Watching {
  readonly #world: World;
  readonly #name: string;
  readonly #prng: Prng;
  #check: WatchCheck | undefined;
  #on: { readonly machine: Machine; readonly process: ProcessClock; readonly watcher: Watcher } | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#prng = world.fork();
  }

  /** Goes on till the end of the run, healing included. */
  async run(): Promise<void> {
    const world = this.#world;
    while (world.watchersRun) {
      await sleep(world.clock, 20 + this.#prng.float() * 400);
      const on = this.#on;
      if (on?.process.dead === true) this.#on = undefined;
      if (this.#on === undefined) this.#begin(world.anyMachine(this.#prng));
      else if (this.#prng.chance(0.1)) this.#cancel();
      else this.#inquire();
    }
    this.#cancel();
  }

  /** Whether it has been told all there is. */
  get complete(): boolean {
    return this.#check !== undefined && this.#on !== undefined && this.#isSynced();
  }

  #isSynced(): boolean {
    const on = this.#on;
    return on?.watcher.synced === true && on.watcher.position > this.#world.history.model.head;
  }

  #begin(machine: Machine): void {
    const { process, member } = machine;
    if (process === undefined || member === undefined || process.paused) return;
    process.enter(() => {
      const range = RANGES[this.#prng.below(RANGES.length)] ?? { key: 'a', end: 'z' };
      const startRevision = this.#check?.next ?? (this.#prng.chance(0.5) ? 0 : 1);
      const spec = { ...(this.#range ?? range), startRevision, noPut: false, noDelete: false };
      this.#range ??= range;
      const watcher = member.watch(spec, {
        deliver: (batch) => this.#told(process, batch),
        compacted: (revision) => this.#compacted(revision),
      });
      this.#check ??= new WatchCheck(
        this.#world.findings,
        this.#world.history.model,
        this.#name,
        range,
        watcher.position,
      );
      this.#world.trace.add(
        this.#name,
        `watches [${spec.key}, ${spec.end}) at ${machine.name} from ${startRevision}`,
      );
      this.#on = { machine, process, watcher };
    });
  }

  #range: { key: string; end: string } | undefined;

  #told(process: ProcessClock, batch: WatchBatch): boolean {
    if (this.#on !== undefined && this.#on.process !== process) return true;
    this.#check?.told(batch);
    this.#world.counters.watched++;
    if (!this.#prng.chance(0.05)) return true;
    this.#world.clock.schedule(this.#prng.float() * 300, () => {
      const on = this.#on;
      if (on?.process === process) process.enter(() => on.watcher.resume());
    });
    return false;
  }

  /** What was before is gone: it goes on from there. */
  #compacted(revision: number): void {
    this.#world.trace.add(this.#name, `is told that ${revision} is compacted`);
    if (this.#check !== undefined && revision < this.#check.next)
      this.#world.findings.add('watches have no gaps', `${this.#name} was refused ${this.#check.next}`);
    if (this.#check !== undefined) this.#check.next = Math.max(this.#check.next, revision);
    this.#on = undefined;
  }

  #cancel(): void {
    const on = this.#on;
    this.#on = undefined;
    on?.process.enter(() => on.watcher.cancel());
  }

  /** A progress notification: synced means that all up to the member's revision has been told. */
  #inquire(): void {
    const on = this.#on;
    on?.process.enter(() => {
      const { machine, watcher } = on;
      if (this.#on === on && watcher.synced && machine.member !== undefined)
        this.#check?.synced(machine.member.revision);
    });
  }
}
