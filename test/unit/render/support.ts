import type { Disk, DiskFile } from '../../../src/io/disk.js';
import { HandlebarsEngine } from '../../../src/render/engines/handlebars/engine.js';
import type { Answers } from '../../../src/render/functions/needs.js';
import { MirrorView } from '../../../src/render/key-view.js';
import type { RenderContext, Template } from '../../../src/render/types.js';
import { Mirror } from '../../../src/source/mirror.js';

/** A store of these keys at revision 7. */
export function mirrorOf(keys: Readonly<Record<string, string>>): Mirror {
  const pairs = Object.entries(keys).map(([key, value]) => ({ key, value, modRevision: 1 }));
  pairs.sort((a, b) => (a.key < b.key ? -1 : 1));
  return new Mirror({ origin: 'test', revision: 7, pairs });
}

/** A disk that holds these files and can only be read. */
export function diskOf(files: Readonly<Record<string, string>>): Disk {
  const refuse = (): never => {
    throw new Error('this disk is read only');
  };
  return {
    list: async (folder) => {
      if (Object.hasOwn(files, folder))
        throw Object.assign(new Error(`ENOTDIR: ${folder}`), { code: 'ENOTDIR' });
      const below = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))].sort();
    },
    exists: async (path) => Object.hasOwn(files, path),
    makeFolder: async () => refuse(),
    open: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return readOnly(Buffer.from(text), refuse);
    },
    stream: refuse,
    rename: async () => refuse(),
    remove: async () => refuse(),
    syncFolder: async () => refuse(),
  };
}

function readOnly(bytes: Buffer, refuse: () => never): DiskFile {
  return {
    size: async () => bytes.length,
    read: async (position, length) => bytes.subarray(position, position + length),
    write: async () => refuse(),
    truncate: async () => refuse(),
    sync: async () => refuse(),
    close: async () => {},
  };
}

export interface World {
  readonly keys?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly prefix?: string;
  readonly subtrees?: readonly string[];
  readonly missingKey?: 'error' | 'zero';
  readonly item?: { readonly key: string; readonly name: string };
  readonly maxBytes?: number;
  readonly answers?: Answers;
  /** The clock's readings, in turn, then the last again; the deadline is 1000. */
  readonly clock?: readonly number[];
  /** Further templates, by their path under templates/. */
  readonly files?: Readonly<Record<string, string>>;
}

export function contextOf(world: World): RenderContext & { readonly keys: MirrorView } {
  const readings = [...(world.clock ?? [0])];
  const prefix = world.prefix ?? '';
  return {
    keys: new MirrorView(mirrorOf(world.keys ?? {}), {
      prefix,
      subtrees: world.subtrees ?? [prefix],
      missingKey: world.missingKey ?? 'error',
    }),
    env: world.env ?? {},
    src: 't.hbs',
    dest: '/out/t',
    nowMs: Date.UTC(2015, 0, 23, 13, 34, 56, 93),
    deadlineMs: 1000,
    maxBytes: world.maxBytes ?? 1_000_000,
    monotonicMs: () => (readings.length > 1 ? readings.shift() : readings[0]) ?? 0,
    ...(world.item === undefined ? {} : { item: world.item }),
    ...(world.answers === undefined ? {} : { answers: world.answers }),
  };
}

/** The template `t.hbs` of the folder `templates`. */
export async function compile(source: string, world: World = {}): Promise<Template> {
  const others = Object.entries(world.files ?? {}).map(
    ([name, text]) => [`templates/${name}`, text] as const,
  );
  const disk = diskOf({ 't.hbs': source, ...Object.fromEntries(others) });
  return new HandlebarsEngine(disk).compile('t.hbs', 'templates');
}

export async function render(source: string, world: World = {}): Promise<string> {
  return (await compile(source, world)).render(contextOf(world));
}

/** The sentence of the error that compiling or rendering ends in. */
export async function refusal(source: string, world: World = {}): Promise<string> {
  let text: string;
  try {
    text = await render(source, world);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'template') return error.message;
    throw error;
  }
  throw new Error(`rendered ${JSON.stringify(text)} where an error was expected`);
}

/** As {@link refusal}, but it must come at load, before there is any data. */
export async function refusalAtLoad(source: string, world: World = {}): Promise<string> {
  try {
    await compile(source, world);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'template') return error.message;
    throw error;
  }
  throw new Error('compiled where an error was expected');
}
