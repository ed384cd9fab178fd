import { messageOf } from '../base/errors.js';
import type { Resource } from '../confdir/types.js';
import { Lane, laneKey } from './lane.js';
import type { PassResult } from './pipeline.js';
import { settleGroup } from './stages/settle.js';
import { removeStale } from './stages/stage.js';
import { type DestinationState, newState } from './state.js';
import { Target } from './target.js';
import type { Compiled, Templates } from './templates.js';
import type { World } from './world.js';

/** Templates compiled and states read at a time. */
const AT_ONCE = 16;

/** The targets of the generation in force, by destination, and their lanes. */
export class Fleet {
  readonly #world: World;
  readonly #templates: Templates;
  readonly #onPass: (lane: Lane, pass: PassResult) => void;
  readonly #byDest = new Map<string, Target>();
  readonly #lanes = new Map<string, Lane>();
  #adopted = false;

  constructor(world: World, templates: Templates, onPass: (lane: Lane, pass: PassResult) => void) {
    this.#world = world;
    this.#templates = templates;
    this.#onPass = onPass;
  }

  /** A generation is in force. */
  get adopted(): boolean {
    return this.#adopted;
  }

  get targets(): Iterable<Target> {
    return this.#byDest.values();
  }

  has(target: Target): boolean {
    return this.#byDest.get(target.resource.dest) === target;
  }

  get isEmpty(): boolean {
    return this.#byDest.size === 0;
  }

  laneOf({ resource }: Target): Lane {
    const key = laneKey(resource);
    const atomic = resource.lane !== undefined;
    const lane = this.#lanes.get(key) ?? new Lane(this.#world, { atomic }, this.#onPass);
    this.#lanes.set(key, lane);
    return lane;
  }

  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.idle()));
  }

  /** Makes the targets what the resources say. Answers those to look at, and what is wrong with templates and states. */
  async adopt(
    resources: readonly Resource[],
  ): Promise<{ changed: readonly Target[]; errors: readonly string[] }> {
    const wanted = new Map(resources.map((resource) => [resource.dest, resource]));
    const gone = [...this.#byDest.values()].filter(({ resource }) => !wanted.has(resource.dest));
    await Promise.all(gone.map((target) => this.#remove(target)));
    this.#templates.keepOnly(new Set(resources.map(({ srcPath }) => srcPath)));

    const changed: Target[] = [];
    // All items of a for_each have one template.
    const compiling = new Map<string, Promise<Compiled>>();
    const compile = (path: string): Promise<Compiled> => {
      const compiled = compiling.get(path) ?? this.#templates.compile(path);
      compiling.set(path, compiled);
      return compiled;
    };
    const errors = new Set<string>();
    for (let at = 0; at < resources.length; at += AT_ONCE) {
      await Promise.all(
        resources.slice(at, at + AT_ONCE).map(async (resource) => {
          const compiled = await compile(resource.srcPath);
          if (compiled.error !== undefined) errors.add(compiled.error);
          const known = this.#byDest.get(resource.dest);
          const target =
            known === undefined
              ? await this.#add(resource, compiled, errors)
              : await this.#change(known, resource, compiled);
          if (target !== undefined) changed.push(target);
        }),
      );
    }
    this.#dropEmptyLanes();
    await this.#settleGroups(changed);
    this.#adopted = true;
    return { changed, errors: [...errors] };
  }

  async #add(resource: Resource, compiled: Compiled, errors: Set<string>): Promise<Target> {
    let state: DestinationState = newState(resource.dest);
    let trouble: string | undefined;
    try {
      state = await this.#world.states.load(resource.dest);
    } catch (error) {
      trouble = messageOf(error);
      errors.add(trouble);
    }
    if (!this.#world.pass.noop) await removeStale(resource.dest, this.#world);
    const target = new Target(resource, state);
    target.stateError = trouble;
    target.template = compiled.template;
    target.templateError = compiled.error;
    this.#byDest.set(resource.dest, target);
    this.laneOf(target).join(target);
    return target;
  }

  /** Between passes, so that a pass sees one version of its resource. Undefined: nothing is new. */
  async #change(target: Target, resource: Resource, compiled: Compiled): Promise<Target | undefined> {
    // The last good version stays in force, as long as it is the same template.
    const sameSource = target.resource.srcPath === resource.srcPath;
    const template = compiled.template ?? (sameSource ? target.template : undefined);
    const sameResource = fingerprint(target.resource) === fingerprint(resource);
    const error = template === undefined ? compiled.error : undefined;
    if (sameResource && template === target.template && error === target.templateError) return undefined;
    const release = await target.acquire();
    this.laneOf(target).leave(target);
    target.resource = resource;
    target.template = template;
    target.templateError = error;
    target.trigger = 'configuration';
    this.laneOf(target).join(target);
    release();
    return target;
  }

  async #remove(target: Target): Promise<void> {
    const { name, dest } = target.resource;
    this.#byDest.delete(dest);
    this.laneOf(target).leave(target);
    // A pass under way ends before anyone else may claim the destination.
    (await target.acquire())();
    this.#world.ports.log.info(
      { resource: name, dest },
      `${name} is no longer declared: ${dest} stays as it is`,
    );
    this.#world.emit({ type: 'removed', resource: name, dest });
  }

  /** Forgets a target whose file is gone with its item. */
  async drop(target: Target): Promise<void> {
    const { dest } = target.resource;
    if (!this.has(target)) return;
    this.#byDest.delete(dest);
    this.laneOf(target).leave(target);
    const release = await target.acquire();
    // Another resource may have taken the destination up meanwhile.
    if (!this.#byDest.has(dest)) await this.#world.states.forget(dest).catch(() => undefined);
    release();
    this.#dropEmptyLanes();
  }

  /** Groups that a crash has left half swapped, before anything else is done with them. */
  async #settleGroups(changed: readonly Target[]): Promise<void> {
    if (this.#world.pass.noop) return;
    const torn = changed.filter(
      ({ state, resource }) => resource.lane !== undefined && state.swap !== undefined,
    );
    for (const lane of new Set(torn.map((target) => this.laneOf(target)))) {
      const members = [...lane.members];
      const releases = await Promise.all(members.map((target) => target.acquire()));
      await settleGroup(members, this.#world);
      for (const release of releases) release();
    }
  }

  #dropEmptyLanes(): void {
    for (const [key, lane] of this.#lanes) if (lane.members.size === 0) this.#lanes.delete(key);
  }
}

/** All that a resource says, but not where. */
function fingerprint(resource: Resource): string {
  return JSON.stringify({ ...resource, position: undefined });
}
