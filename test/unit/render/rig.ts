import { Prng } from '../../../src/base/prng.js';
import type { CommandOptions, CommandResult, CommandSpec } from '../../../src/command/types.js';
import type { Resource } from '../../../src/confdir/types.js';
import type { Clock, Timer } from '../../../src/io/clock.js';
import type { Log } from '../../../src/io/log.js';
import type { Accounts } from '../../../src/render/accounts.js';
import type { RenderEvent } from '../../../src/render/events.js';
import type { AnswerOf, Need, Resolver } from '../../../src/render/functions/needs.js';
import { NeedError } from '../../../src/render/functions/needs.js';
import { Renderer, type RendererOptions } from '../../../src/render/renderer.js';
import type { Engine, RenderContext, Template } from '../../../src/render/types.js';
import type { RenderPorts } from '../../../src/render/world.js';
import type { Change, Following, Snapshot, Source, SourceListener } from '../../../src/source/types.js';
import { MemoryFiles } from './memory-files.js';

/** Time that moves only when told to. */
export class ManualClock implements Clock {
  #now = 1000;
  #timers: { atMs: number; task: () => void }[] = [];

  monotonicMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#now;
  }

  schedule(delayMs: number, task: () => void): Timer {
    const timer = { atMs: this.#now + delayMs, task };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  yield(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.atMs);
      next.task();
    }
    this.#now = end;
  }
}

/** A source that tells what the test tells it. */
export class ManualSource implements Source {
  readonly name = 'manual';
  origin = 'c1';
  revision = 0;
  readonly keys = new Map<string, string>();
  readonly #listeners = new Set<SourceListener>();
  /** Subtrees of each `follow`. */
  readonly followed: (readonly string[])[] = [];

  snapshotNow(): Snapshot {
    const pairs = [...this.keys]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value, modRevision: this.revision }));
    return { origin: this.origin, revision: this.revision, pairs };
  }

  load(): Promise<Snapshot> {
    return Promise.resolve(this.snapshotNow());
  }

  follow(subtrees: readonly string[], listener: SourceListener): Following {
    this.followed.push(subtrees);
    this.#listeners.add(listener);
    return {
      close: () => {
        this.#listeners.delete(listener);
        return Promise.resolve();
      },
    };
  }

  tell(): void {
    for (const listener of this.#listeners) listener.snapshot(this.snapshotNow());
  }

  lose(reason: string, sinceMs?: number): void {
    for (const listener of this.#listeners) listener.lost(reason, sinceMs);
  }

  find(where: string): void {
    for (const listener of this.#listeners) listener.found(where);
  }

  /** One revision: null deletes. */
  put(keys: Readonly<Record<string, string | null>>, committedAtMs?: number): number {
    this.revision++;
    const changes: Change[] = [];
    for (const [key, value] of Object.entries(keys)) {
      if (value === null) {
        this.keys.delete(key);
        changes.push({ type: 'delete', key, modRevision: this.revision });
      } else {
        this.keys.set(key, value);
        changes.push({ type: 'put', pair: { key, value, modRevision: this.revision } });
      }
    }
    for (const listener of this.#listeners) {
      listener.changes({ revision: this.revision, changes, committedAtMs });
    }
    return this.revision;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export function sourceOf(keys: Readonly<Record<string, string>>, revision = 1): ManualSource {
  const source = new ManualSource();
  source.revision = revision;
  for (const [key, value] of Object.entries(keys)) source.keys.set(key, value);
  return source;
}

/**
 * A toy language: each word `$KEY` is the key's value (an error if there is none), `*GLOB` the values of a glob, `@rev`
 * the revision, `@now` the time, `!HOST` the addresses of a host, `#NAME` a variable `CONFETD_NAME`.
 */
export class WordEngine implements Engine {
  readonly extension = '.hbs';
  readonly #files: MemoryFiles;
  compiled = 0;

  constructor(files: MemoryFiles) {
    this.#files = files;
  }

  compile(path: string): Promise<Template> {
    const source = this.#files.text(path);
    this.compiled++;
    if (source === undefined) return Promise.reject(new Error(`Missing template: ${path}`));
    if (source.includes('BROKEN')) return Promise.reject(new Error(`${path}:1:1: broken`));
    return Promise.resolve({
      files: [path],
      render: (context: RenderContext) =>
        source
          .split(' ')
          .map((word) => wordOf(word, context, path))
          .join(' '),
    });
  }
}

function wordOf(word: string, { keys, nowMs, answers, env }: RenderContext, path: string): string {
  const rest = word.slice(1);
  if (word === '@rev') return String(keys.revision);
  if (word.startsWith('#')) return env[`CONFETD_${rest}`] ?? '';
  if (word === '@now') return String(nowMs);
  if (word.startsWith('*'))
    return keys
      .glob(rest)
      .map(({ value }) => value)
      .join(',');
  if (word.startsWith('!')) {
    const need = { type: 'address', host: rest } as const;
    const answer = answers?.get(need);
    if (answer === undefined) throw new NeedError([need]);
    return 'value' in answer ? JSON.stringify(answer.value) : answer.failure;
  }
  if (!word.startsWith('$')) return word;
  const pair = keys.get(rest);
  if (pair === undefined) throw new Error(`${path}:1:1: key does not exist: ${rest}`);
  return pair.value;
}

export function resource(name: string, more: Partial<Resource> = {}): Resource {
  return {
    name,
    position: { file: `/c/conf.d/${name}.toml`, line: 1, column: 1 },
    src: `${name}.hbs`,
    srcPath: `/c/templates/${name}.hbs`,
    dest: `/out/${name}`,
    prefix: '',
    subtrees: [''],
    mode: undefined,
    owner: undefined,
    group: undefined,
    uid: undefined,
    gid: undefined,
    renderTimeoutMs: 10_000,
    maxOutputBytes: 1024 * 1024,
    checkCmd: undefined,
    verifyCmd: undefined,
    reloadCmd: undefined,
    checkTimeoutMs: 1000,
    verifyTimeoutMs: 1000,
    reloadTimeoutMs: 1000,
    minReloadIntervalMs: 0,
    wait: undefined,
    minEntries: 0,
    createDestDirs: false,
    onDrift: 'repair',
    missingKey: 'error',
    refuseEmpty: false,
    outputFormat: undefined,
    backup: 0,
    rollbackOnReloadFailure: false,
    reloadSplayMs: 0,
    lane: undefined,
    forEach: undefined,
    item: undefined,
    absent: false,
    ...more,
  };
}

export interface Ran {
  readonly spec: CommandSpec;
  readonly options: CommandOptions;
}

/** A renderer over a world in memory. */
export class Rig {
  readonly clock = new ManualClock();
  readonly source: ManualSource;
  readonly files: MemoryFiles;
  readonly engine: WordEngine;
  readonly events: RenderEvent[] = [];
  readonly log: string[] = [];
  readonly ran: Ran[] = [];
  /** What a command does; fails unless it answers 0. */
  onRun: (command: string, options: CommandOptions) => number | Promise<number> = () => 0;
  resolve: (need: Need) => Promise<AnswerOf[Need['type']]> = () => Promise.resolve([]);
  readonly ports: RenderPorts;
  readonly renderer: Renderer;

  constructor(
    options: {
      files?: MemoryFiles;
      source?: ManualSource;
      accounts?: Accounts;
    } & Partial<RendererOptions> = {},
  ) {
    this.files = options.files ?? new MemoryFiles(['/c/templates', '/out', '/state']);
    this.source = options.source ?? new ManualSource();
    this.engine = new WordEngine(this.files);
    const prng = new Prng(7);
    const resolver = { resolve: (need: Need) => this.resolve(need) } as Resolver;
    this.ports = {
      clock: this.clock,
      random: { uint32: () => prng.uint32(), float: () => prng.float() },
      log: this.#logger(),
      files: this.files,
      accounts: options.accounts ?? { user: () => Promise.resolve(33), group: () => Promise.resolve(44) },
      resolver,
      run: (spec, runOptions) => this.#run(spec, runOptions),
      env: {},
      engine: (extension) => Promise.resolve(extension === '.hbs' ? this.engine : undefined),
    };
    this.renderer = new Renderer(this.source, this.ports, {
      templates: '/c/templates',
      stateFolder: '/state',
      intervalMs: 0,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  template(name: string, text: string): this {
    this.files.put(`/c/templates/${name}.hbs`, text);
    return this;
  }

  /** The resources in force, rendered at what the source has. */
  async start(...resources: readonly Resource[]): Promise<this> {
    await this.renderer.start();
    await this.adopt(...resources);
    this.source.tell();
    await this.renderer.idle();
    return this;
  }

  adopt(...resources: readonly Resource[]): Promise<void> {
    return this.renderer.setGeneration({ resources, hooks: [], problems: [] });
  }

  async put(keys: Readonly<Record<string, string | null>>): Promise<number> {
    const revision = this.source.put(keys);
    await this.renderer.idle();
    return revision;
  }

  /** Lets timers fire, and what they cause end. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.renderer.idle();
  }

  out(name: string): string | undefined {
    return this.files.text(`/out/${name}`);
  }

  /** The commands that ran, as text. */
  get commands(): string[] {
    return this.ran.map(({ spec }) => String(spec));
  }

  status(name: string) {
    const found = this.renderer.status().resources.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no resource ${name}`);
    return found;
  }

  async #run(spec: CommandSpec, options: CommandOptions): Promise<CommandResult> {
    await this.files.step('run', String(spec));
    this.ran.push({ spec, options });
    const exitCode = await this.onRun(String(spec), options);
    await this.files.step('ran', String(spec));
    const outcome = options.signal?.aborted === true ? 'cancelled' : `exit ${exitCode}`;
    return { ok: outcome === 'exit 0', outcome, exitCode, output: '', durationMs: 1 };
  }

  #logger(): Log {
    const take = (_fields: object, message: string): void => {
      this.log.push(message);
    };
    return { debug: take, info: take, warn: take, error: take };
  }
}
