import { basename, join } from 'node:path';
import { messageOf } from '../base/errors.js';
import { reservedFolders } from '../confdir/load.js';
import type { Resource } from '../confdir/types.js';
import type { Activity } from '../render/activity.js';
import { type Expanded, Expansion } from '../render/expansion.js';
import type { RenderFiles } from '../render/files.js';
import { Meters } from '../render/meters.js';
import { Pauses } from '../render/pauses.js';
import { Slots } from '../render/slots.js';
import { check } from '../render/stages/check.js';
import { type Look, look } from '../render/stages/compare.js';
import { absentDraft, reasonToKeep } from '../render/stages/removal.js';
import { type Draft, Hold, renderDraft } from '../render/stages/render.js';
import { validate } from '../render/stages/validate.js';
import { newState, StateFolder } from '../render/state.js';
import { Target } from '../render/target.js';
import { Templates } from '../render/templates.js';
import type { Dependencies } from '../render/types.js';
import { DEFAULT_PASS, type RenderPorts, type World } from '../render/world.js';
import { Mirror } from '../source/mirror.js';
import type { Snapshot } from '../source/types.js';
import { readOnly } from './read-only-files.js';

export interface PreviewOptions {
  readonly ports: RenderPorts;
  /** The folder of conf.d and templates. */
  readonly confdir: string;
  /** What earlier passes have remembered, to be read; undefined: nothing is known of them. */
  readonly stateFolder?: string | undefined;
  /** What would be a warning fails. */
  readonly strict: boolean;
  /** Ends lookups. */
  readonly signal: AbortSignal;
  /** Told of what takes its time. Must not throw. */
  readonly onActivity?: (activity: Activity) => void;
}

/** What a pass would make of one destination. */
export interface PreviewFile {
  readonly resource: Resource;
  /** Undefined: it couldn't be rendered, or the file is to go with its item. */
  readonly content: Buffer | undefined;
  /** Why a pass would leave the destination as it is; '': it wouldn't. */
  readonly held: string;
  /** What failed; '': nothing. */
  readonly error: string;
  /** What the render has asked for; undefined: it didn't get so far. */
  readonly dependencies: Dependencies | undefined;
  /** The destination as it is; undefined: nobody asked, or it can't be looked at. */
  readonly look: Look | undefined;
}

export interface RenderOptions {
  /** Destinations are looked at, for who compares. */
  readonly disk: boolean;
  /** Each file by itself: one that fails holds no other of its group. */
  readonly alone?: boolean;
}

const MAX_COMMANDS = 4;
/** Renders and compares at a time. */
const AT_ONCE = 16;

/** Renders resources as a pass does, up to the point where it would write; nothing is written and no command run. */
export class Previewer {
  readonly #options: PreviewOptions;
  readonly #ports: RenderPorts;
  readonly #templates: Templates;

  constructor(options: PreviewOptions) {
    const files = readOnly(options.ports.files);
    this.#options = options;
    this.#ports = { ...options.ports, files };
    const folder = join(options.confdir, 'templates');
    this.#templates = new Templates(folder, files, (extension) => options.ports.engine(extension));
  }

  /** What the resources stand for in these keys. Fails as reading a destination's folder may. */
  async at(snapshot: Snapshot, declared: readonly Resource[]): Promise<Moment> {
    const { confdir, stateFolder, strict, signal, onActivity } = this.#options;
    const ports = this.#ports;
    const states = new StateFolder(ports.files, stateFolder, ports.log);
    const pauses = new Pauses({ states, clock: ports.clock, log: ports.log, onEnd: () => {} });
    await pauses.load();
    const mirror = new Mirror(snapshot);
    const world: World = {
      ports,
      pass: { ...DEFAULT_PASS, noop: true, strict },
      states,
      pauses,
      meters: new Meters(),
      mirror,
      commands: new Slots(MAX_COMMANDS),
      stopping: signal,
      ended: signal,
      emit: () => {},
      ...(onActivity === undefined ? {} : { activity: onActivity }),
    };
    const expansion = new Expansion({
      files: ports.files,
      states,
      mirror,
      reserved: reservedFolders(confdir, {}),
    });
    expansion.declare(declared);
    const expanded = await expansion.expand(() => true);
    pauses.close();
    return new Moment(world, this.#templates, this.#options.ports.files, expanded);
  }
}

/** The destinations of resources in the keys of one revision. */
export class Moment {
  readonly resources: readonly Resource[];
  /** What is wrong with items of a `for_each`: `FILE:LINE: sentence`. */
  readonly errors: readonly string[];
  readonly #world: World;
  readonly #templates: Templates;
  /** May write, and does so only where it is told to stage. */
  readonly #staging: RenderFiles;

  constructor(world: World, templates: Templates, staging: RenderFiles, { resources, errors }: Expanded) {
    this.resources = resources;
    this.errors = errors;
    this.#world = world;
    this.#templates = templates;
    this.#staging = staging;
  }

  get revision(): number {
    return this.#world.mirror.revision;
  }

  /** The destinations that `wanted` picks, in the order of the resources. Never fails but by the files. */
  async render(
    wanted: (resource: Resource) => boolean,
    options: RenderOptions,
  ): Promise<readonly PreviewFile[]> {
    const picked = this.resources.filter(wanted);
    // One member of a group that can't be swapped holds the others.
    const groups = new Set(picked.flatMap(({ lane }) => lane ?? []));
    const needed = this.resources.filter(
      (one) => wanted(one) || (one.lane !== undefined && groups.has(one.lane)),
    );
    this.#world.activity?.({ type: 'files', count: needed.length });
    const files: PreviewFile[] = [];
    for (let at = 0; at < needed.length; at += AT_ONCE) {
      const some = needed.slice(at, at + AT_ONCE);
      files.push(...(await Promise.all(some.map((resource) => this.#render(resource, options.disk)))));
    }
    const told = options.alone === true ? files : files.map((file) => groupHold(file, files));
    return told.filter(({ resource }) => wanted(resource));
  }

  /**
   * Runs the check command on a rendered file, staged in a folder that the caller has made for this file and removes.
   * Answers what is wrong; '': it passed, or there is nothing to check.
   */
  async check({ resource, content }: PreviewFile, folder: string): Promise<string> {
    if (content === undefined) return '';
    const path = join(folder, basename(resource.dest));
    const attributes = { mode: resource.mode ?? 0o644, uid: undefined, gid: undefined };
    try {
      await this.#staging.create(path, attributes, content);
      await check(new Target(resource, newState(resource.dest)), path, this.revision, this.#world);
      return '';
    } catch (thrown) {
      return messageOf(thrown);
    }
  }

  async #render(resource: Resource, disk: boolean): Promise<PreviewFile> {
    const world = this.#world;
    let held = '';
    let error = '';
    let draft: Draft | undefined;
    let found: Look | undefined;
    const target = new Target(resource, newState(resource.dest));
    const attempt = async (step: () => Promise<void>): Promise<void> => {
      try {
        await step();
      } catch (thrown) {
        if (thrown instanceof Hold) held ||= thrown.message;
        else error ||= messageOf(thrown);
      }
    };
    await attempt(async () => {
      target.state = await world.states.load(resource.dest);
      target.stamp = target.state.swap ?? target.state.applied;
      const compiled = await this.#templates.compile(resource.srcPath);
      target.template = compiled.template;
      target.templateError = compiled.error;
      held = world.pauses.reason(resource.dest) ?? '';
      world.activity?.({ type: 'rendering', dest: resource.dest, revision: this.revision });
      draft = resource.absent ? absentDraft(target, world) : await renderDraft(target, false, world);
    });
    // What a guard on the keys holds back is worth seeing all the same.
    if (draft === undefined && held !== '' && !resource.absent)
      await this.#unguarded(target, (one) => (draft = one));
    const content = draft?.content;
    if (content !== undefined) await attempt(() => validate(resource, content));
    if (disk && draft !== undefined && error === '') {
      await attempt(async () => {
        found = await look(target, world);
        const stays = resource.absent ? reasonToKeep(target, found) : undefined;
        if (stays !== undefined) throw new Hold(`no longer wanted, but stays: ${stays}`);
      });
    }
    return { resource, content, held, error, dependencies: target.dependencies, look: found };
  }

  /** Renders without min_entries, and from any history. What fails here has nothing to show. */
  async #unguarded({ resource, template }: Target, take: (draft: Draft) => void): Promise<void> {
    const target = new Target({ ...resource, minEntries: 0 }, newState(resource.dest));
    target.template = template;
    try {
      take(await renderDraft(target, false, this.#world));
    } catch {
      // The guard is there for stores that the template can't be rendered from.
    }
  }
}

/** Of a group all files change, or none. */
function groupHold(file: PreviewFile, all: readonly PreviewFile[]): PreviewFile {
  const { lane, dest } = file.resource;
  if (lane === undefined || file.held !== '' || file.error !== '') return file;
  const culprit = all.find(
    ({ resource, held, error }) =>
      resource.lane === lane && resource.dest !== dest && (held !== '' || error !== ''),
  );
  if (culprit === undefined) return file;
  const held = `its group waits for ${culprit.resource.dest}: ${culprit.error || culprit.held}`;
  return { ...file, held };
}
