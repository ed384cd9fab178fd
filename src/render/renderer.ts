import type { Reserved } from '../confdir/ownership.js';
import type { Generation } from '../confdir/types.js';
import type {
  RenderStatusResponse,
  RenderWaitResponse,
  RenderWhyResponse,
} from '../proto/generated/render.js';
import { Mirror } from '../source/mirror.js';
import type { ChangeBatch, Snapshot, Source } from '../source/types.js';
import { changesOf } from './causes.js';
import { Controls } from './controls.js';
import type { RenderEvent } from './events.js';
import { Fleet } from './fleet.js';
import { Generations } from './generations.js';
import { KeyFeed } from './key-feed.js';
import type { Lane } from './lane.js';
import { Meters } from './meters.js';
import { Milestones } from './milestones.js';
import { Outcomes } from './outcomes.js';
import { PassEnds } from './pass-ends.js';
import { Pauses } from './pauses.js';
import type { PassResult } from './pipeline.js';
import { Report } from './report.js';
import { Schedule } from './schedule.js';
import { Slots } from './slots.js';
import { SourceState } from './source-state.js';
import { isDue } from './stages/reload.js';
import { isRemoved } from './stages/removal.js';
import { StateFolder } from './state.js';
import type { Target } from './target.js';
import { Templates } from './templates.js';
import { DEFAULT_PASS, type PassOptions, type RenderPorts, type World } from './world.js';

export interface RendererOptions {
  /** CONFDIR/templates. */
  readonly templates: string;
  /** Where destinations' states are kept; undefined: nothing outlives the process. */
  readonly stateFolder: string | undefined;
  /** Where no file may lie whose name comes from a key. */
  readonly reserved?: readonly Reserved[];
  /** Between reconciles, in milliseconds; 0: none. */
  readonly intervalMs: number;
  readonly pass?: Partial<PassOptions>;
  /** Told of what happens. Must not throw. */
  readonly onEvent?: (event: RenderEvent) => void;
}

/** Commands that run at a time. */
const MAX_COMMANDS = 64;

/**
 * Keeps the files of a generation of resources at what a source's keys say. Level-triggered: each target has a wanted and
 * an applied revision, and is worked on until they meet. Only targets that read a changed key are rendered again.
 */
export class Renderer {
  readonly #ports: RenderPorts;
  readonly #source: Source;
  readonly #world: World;
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #feed: KeyFeed;
  readonly #fleet: Fleet;
  readonly #schedule: Schedule;
  readonly #outcomes: Outcomes;
  readonly #sourceState: SourceState;
  readonly #generations: Generations;
  readonly #milestones: Milestones;
  readonly #passes: PassEnds;
  readonly #report: Report;
  readonly #controls: Controls;

  constructor(source: Source, ports: RenderPorts, options: RendererOptions) {
    this.#ports = ports;
    this.#source = source;
    const { clock, random, log, files } = ports;
    const states = new StateFolder(files, options.stateFolder, log);
    const pauses = new Pauses({ states, clock, log, onEnd: () => this.#catchUp() });
    this.#sourceState = new SourceState(clock);
    const emit = options.onEvent ?? (() => {});
    const mirror = new Mirror();
    this.#milestones = new Milestones(emit);
    this.#world = {
      ports,
      pass: { ...DEFAULT_PASS, putsReloadsOff: true, ...options.pass },
      states,
      pauses,
      meters: new Meters(),
      mirror,
      commands: new Slots(MAX_COMMANDS),
      stopping: this.#stopping.signal,
      ended: this.#ended.signal,
      emit,
    };
    this.#schedule = new Schedule({
      clock,
      random,
      intervalMs: options.intervalMs,
      reconcile: () => this.#reconcile(),
    });
    const templates = new Templates(options.templates, files, (extension) => ports.engine(extension));
    this.#fleet = new Fleet(this.#world, templates, (lane, pass) => this.#passed(lane, pass));
    this.#feed = new KeyFeed(source, mirror, {
      snapshot: (snapshot, before) => this.#snapshot(snapshot, before),
      changes: (batch, names, from) => this.#changed(batch, names, from),
      found: (where) => this.#found(where),
      lost: (reason, sinceMs) => this.#lost(reason, sinceMs),
    });
    this.#generations = new Generations({
      world: this.#world,
      fleet: this.#fleet,
      reserved: options.reserved ?? [],
      covers: (subtrees) => this.#feed.covers(subtrees),
      changed: (targets) => {
        this.#startAll(targets);
        this.#outcomes.check();
        this.#tellMilestones();
      },
    });
    this.#outcomes = new Outcomes({ clock, isSettled: (revision) => this.#isSettled(revision) });
    this.#report = new Report({
      world: this.#world,
      fleet: this.#fleet,
      schedule: this.#schedule,
      source: () => this.#sourceState.fields(source.name),
      configErrors: () => this.#generations.errors,
      filesKnown: () => this.#filesKnown,
    });
    this.#passes = new PassEnds({
      world: this.#world,
      schedule: this.#schedule,
      outcomes: this.#outcomes,
      report: this.#report,
      milestones: this.#milestones,
      start: (target) => this.#startAll([target]),
    });
    this.#controls = new Controls({
      world: this.#world,
      fleet: this.#fleet,
      start: (targets) => this.#startAll(targets),
      catchUp: () => this.#catchUp(),
    });
  }

  /** Prepares the state folder and begins the reconciles. Rendering begins with a generation and a snapshot. */
  async start(): Promise<void> {
    if (!this.#world.pass.noop) await this.#world.states.open();
    await this.#world.pauses.load();
    this.#schedule.start();
  }

  /**
   * Puts a generation in force. What is wrong with it is reported; a broken template leaves its last good version in
   * force (for broken resources see confdir's carryOver). A removed resource leaves its file; a renamed one keeps its
   * state. Resolves once all targets are what it says; their passes may still run.
   */
  setGeneration(generation: Generation): Promise<void> {
    return this.#generations.set(generation, () => {
      const subtrees = generation.resources.flatMap((resource) => resource.subtrees);
      if (subtrees.length > 0) this.#sourceState.followed();
      this.#feed.follow(subtrees);
    });
  }

  #snapshot(snapshot: Snapshot, before: { readonly origin: string; readonly revision: number }): void {
    const onwards = before.origin === snapshot.origin && before.revision <= snapshot.revision;
    if (!onwards) this.#outcomes.restart();
    this.#sourceState.reached(snapshot.revision);
    this.#outcomes.committed(snapshot.revision, this.#ports.clock.monotonicMs());
    const range = { from: onwards ? before.revision + 1 : 0, to: snapshot.revision };
    for (const target of this.#fleet.targets) {
      target.due(range);
      target.trigger = 'keys';
    }
    this.#generations.keysLoaded(range);
    this.#startAll(this.#fleet.targets);
    this.#outcomes.check();
    this.#tellMilestones();
  }

  /** The path from a change to a render: no timer and nothing asynchronous unless `wait` is set. */
  #changed(batch: ChangeBatch, names: ReadonlySet<string>, from: number): void {
    const { revision, committedAtMs } = batch;
    const { clock } = this.#ports;
    this.#sourceState.reached(revision);
    const nowMs = clock.monotonicMs();
    const atMs = committedAtMs ?? nowMs;
    const wallMs = Math.round(clock.wallMs() - (nowMs - atMs));
    const changes = changesOf(batch, names, wallMs, this.#world.mirror);
    this.#outcomes.committed(revision, atMs);
    const range = { from: Math.min(from, revision), to: revision };
    this.#generations.keysChanged(names, range);
    const due: Target[] = [];
    for (const target of this.#fleet.targets) {
      const touched = names.size > 0 && target.touch(changes, range, atMs);
      if (touched && target.resource.wait !== undefined && target.tried) {
        // A group waits as one: its files change together.
        const lane = this.#fleet.laneOf(target);
        const together = lane.atomic ? [...lane.members] : [target];
        this.#schedule.delay(lane.atomic ? lane.spell : target, target.resource.wait, () =>
          this.#startAll(together),
        );
      } else if (touched || target.behind) {
        due.push(target);
      }
    }
    this.#startAll(due);
    this.#outcomes.check();
  }

  #startAll(targets: Iterable<Target>): void {
    const lanes = new Set<Lane>();
    const all = new Set(targets);
    // Those of a group that could not be swapped go with any other of it.
    for (const target of [...all])
      if (this.#fleet.has(target)) for (const other of this.#fleet.laneOf(target).blocked) all.add(other);
    for (const target of all) {
      if (!this.#fleet.has(target)) continue;
      const lane = this.#fleet.laneOf(target);
      // Its keys, or those of its group, come with the next snapshot.
      const needed = lane.atomic ? lane.members : [target];
      if (![...needed].every(({ resource }) => this.#feed.covers(resource.subtrees))) continue;
      this.#schedule.forget(target);
      lane.add(target);
      lanes.add(lane);
    }
    for (const lane of lanes) lane.start();
  }

  #passed(lane: Lane, pass: PassResult): void {
    this.#passes.ended(lane, pass);
    for (const target of lane.members) if (isRemoved(target)) this.#generations.drop(target);
    this.#outcomes.check();
    this.#tellMilestones();
  }

  #lost(reason: string, sinceMs: number | undefined): void {
    if (!this.#sourceState.lost(reason, sinceMs)) return;
    const source = this.#source.name;
    // confd's log lines show no fields.
    this.#ports.log.warn({ source, reason }, `the source is lost, files stay as they are: ${reason}`);
    this.#world.emit({ type: 'source lost', source: this.#source.name, reason });
  }

  #found(where: string): void {
    if (!this.#sourceState.found(where)) return;
    const { revision } = this.#world.mirror;
    this.#ports.log.info({ source: this.#source.name, where, revision }, 'the source is back');
    this.#world.emit({ type: 'source back', source: this.#source.name, revision });
  }

  /** The targets are those that conf.d and the keys ask for. */
  get #filesKnown(): boolean {
    if (this.#generations.unsettledFrom !== undefined || !this.#fleet.adopted) return false;
    return this.#feed.loaded || (this.#fleet.isEmpty && !this.#generations.hasItems);
  }

  #tellMilestones(): void {
    if (this.#filesKnown) this.#milestones.reached([...this.#fleet.targets], this.#world.mirror.revision);
  }

  #isSettled(revision: number): boolean {
    if ((this.#generations.unsettledFrom ?? Number.POSITIVE_INFINITY) <= revision) return false;
    if (this.#fleet.adopted && this.#fleet.isEmpty && !this.#generations.hasItems) return true;
    if (!this.#feed.loaded || this.#world.mirror.revision < revision) return false;
    for (const { unsettledFrom } of this.#fleet.targets) {
      if (unsettledFrom !== undefined && unsettledFrom <= revision) return false;
    }
    return true;
  }

  #reconcile(): void {
    for (const target of this.#fleet.targets) {
      target.answers.clear();
      target.trigger ??= 'reconcile';
    }
    this.#startAll(this.#fleet.targets);
  }

  /** Looks at every destination now. Resolves once all has been done. */
  async reconcileNow(): Promise<void> {
    this.#reconcile();
    await this.idle();
  }

  /** Resolves once no pass runs. */
  async idle(): Promise<void> {
    for (let last: Promise<void> | undefined; last !== this.#generations.last; ) {
      last = this.#generations.last;
      await last;
      await this.#fleet.idle();
    }
  }

  status(): RenderStatusResponse {
    return this.#report.status();
  }

  /** What a destination, or the one file of a resource, is made from, and why. Fails as {@link findTarget}. */
  why(dest: string, resource: string, limit: number): Promise<RenderWhyResponse> {
    return this.#report.why(dest, resource, limit);
  }

  /** Resolves when all that changes up to `revision` affect has been applied or has failed, or after `timeoutMs`. */
  wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse> {
    return this.#outcomes.wait(revision, timeoutMs);
  }

  /**
   * Leaves a destination alone, '' all of them, for so many milliseconds; 0: until it is resumed. Kept across restarts.
   * Fails with `not_found`.
   */
  pause(dest: string, forMs: number): Promise<void> {
    return this.#controls.pause(dest, forMs);
  }

  /** Ends the pause of a destination, '' every pause, and catches up. Fails with `not_found` where there is none. */
  resume(dest: string): Promise<void> {
    return this.#controls.resume(dest);
  }

  /** Looks at every destination, and at the reloads that are owed. */
  #catchUp(): void {
    for (const target of this.#fleet.targets) {
      target.trigger ??= 'resume';
      if (isDue(target, this.#world)) this.#fleet.laneOf(target).reloadAgain();
    }
    this.#startAll(this.#fleet.targets);
  }

  /** Takes the source as it is, even if it is behind what a destination has had. Fails with `not_found`. */
  accept(dest: string): Promise<void> {
    return this.#controls.accept(dest);
  }

  /**
   * Starts no pass any more, finishes swaps that were begun, ends checks, and gives reloads that run or are due after a
   * swap so many milliseconds. Reloads that are cut off stay due for the next start.
   */
  async shutdown(reloadTimeoutMs = 10_000): Promise<void> {
    this.#stopping.abort();
    this.#world.pauses.close();
    this.#schedule.close();
    const timer = this.#ports.clock.schedule(reloadTimeoutMs, () => this.#ended.abort());
    await this.#feed.close();
    await this.#fleet.idle();
    await this.#generations.last;
    timer.cancel();
    this.#outcomes.close();
  }
}
