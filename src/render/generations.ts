import { messageOf } from '../base/errors.js';
import { formatProblem } from '../confdir/load.js';
import type { Reserved } from '../confdir/ownership.js';
import type { Generation } from '../confdir/types.js';
import type { Subtree } from '../source/types.js';
import { Expansion } from './expansion.js';
import type { Fleet } from './fleet.js';
import { isRemoved } from './stages/removal.js';
import type { Range, Target } from './target.js';
import type { World } from './world.js';

export interface GenerationsPorts {
  readonly world: World;
  readonly fleet: Fleet;
  readonly reserved: readonly Reserved[];
  /** Whether the mirror has all keys of the subtrees. */
  covers(subtrees: readonly Subtree[]): boolean;
  /** These targets are to be looked at. */
  changed(targets: readonly Target[]): void;
}

/** Puts in force what conf.d says, and what the keys make of its `for_each`s: one after another. */
export class Generations {
  readonly #ports: GenerationsPorts;
  readonly #expansion: Expansion;
  #last: Promise<void> = Promise.resolve();
  #configErrors: readonly string[] = [];
  #itemErrors: readonly string[] = [];
  /** The revisions since which items may be others than the targets: asked for, and being taken up. */
  #queued: Range | undefined;
  #running: Range | undefined;

  constructor(ports: GenerationsPorts) {
    this.#ports = ports;
    const { states, mirror, ports: outside } = ports.world;
    this.#expansion = new Expansion({ files: outside.files, states, mirror, reserved: ports.reserved });
  }

  /** What is wrong with conf.d, templates and items now. */
  get errors(): readonly string[] {
    return [...this.#configErrors, ...this.#itemErrors];
  }

  /** Which keys make the items depends on the keys. */
  get hasItems(): boolean {
    return this.#expansion.isNeeded;
  }

  /** The first revision whose effect on items isn't taken up yet; undefined: all are. */
  get unsettledFrom(): number | undefined {
    return this.#running?.from ?? this.#queued?.from;
  }

  /** Resolves with all that was asked for until now. */
  get last(): Promise<void> {
    return this.#last;
  }

  /** Resolves once all targets are what the generation says. */
  set(generation: Generation, adopted: () => void): Promise<void> {
    const next = this.#last.then(async () => {
      if (this.#ports.world.stopping.aborted) return;
      this.#expansion.declare(generation.resources);
      const { changed, errors } = await this.#adopt();
      this.#report(generation, errors);
      adopted();
      this.#ports.changed(changed);
    });
    this.#last = next.catch(() => {});
    return next;
  }

  /** All keys are new. */
  keysLoaded(range: Range): void {
    if (this.#expansion.isNeeded) this.#expandSoon(range);
  }

  keysChanged(names: ReadonlySet<string>, range: Range): void {
    if (names.size > 0 && this.#expansion.changedBy(names)) this.#expandSoon(range);
  }

  /** A file whose item is gone is gone too: its target goes, unless the item has come back meanwhile. */
  drop(target: Target): void {
    this.#chain(async () => {
      if (!isRemoved(target)) return;
      this.#expansion.forget(target.resource.dest);
      await this.#ports.fleet.drop(target);
    });
  }

  #expandSoon(range: Range): void {
    const isQueued = this.#queued !== undefined;
    this.#queued = { from: this.#queued?.from ?? range.from, to: range.to };
    if (isQueued) return;
    this.#chain(() => this.#expand());
  }

  #chain(task: () => Promise<void>): void {
    this.#last = this.#last.then(task).catch((error: unknown) => {
      const { log } = this.#ports.world.ports;
      log.error({ error: messageOf(error) }, 'the items of a for_each could not be taken up');
    });
  }

  async #expand(): Promise<void> {
    const range = this.#queued;
    this.#queued = undefined;
    if (range === undefined || this.#ports.world.stopping.aborted) return;
    this.#running = range;
    try {
      const { changed, errors } = await this.#adopt();
      for (const error of errors) this.#ports.world.ports.log.error({}, error);
      for (const target of changed) target.due({ from: range.from, to: this.#ports.world.mirror.revision });
      this.#running = undefined;
      this.#ports.changed(changed);
    } finally {
      this.#running = undefined;
    }
  }

  async #adopt(): Promise<{ readonly changed: readonly Target[]; readonly errors: readonly string[] }> {
    const { fleet, world } = this.#ports;
    const expanded = await this.#expansion.expand((subtrees) => this.#ports.covers(subtrees));
    const adopted = await fleet.adopt(expanded.resources);
    for (const error of expanded.errors)
      if (!this.#itemErrors.includes(error)) world.ports.log.error({}, error);
    this.#itemErrors = expanded.errors;
    return adopted;
  }

  #report({ problems, resources }: Generation, errors: readonly string[]): void {
    const { log } = this.#ports.world.ports;
    for (const problem of problems) {
      if (problem.severity === 'error') log.error({ file: problem.file }, formatProblem(problem));
      else log.warn({ file: problem.file }, formatProblem(problem));
    }
    for (const error of errors) log.error({}, error);
    const wrong = problems.filter(({ severity }) => severity === 'error').map(formatProblem);
    this.#configErrors = [...wrong, ...errors];
    this.#ports.world.emit({
      type: 'configuration',
      resources: resources.length,
      problems: this.#configErrors,
    });
  }
}
