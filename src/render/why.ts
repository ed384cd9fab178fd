import type { KeyDependency, RenderWhyResponse, ResourceStatus } from '../proto/generated/render.js';
import type { Need } from './functions/needs.js';
import { MirrorView } from './key-view.js';
import { environmentOf } from './stages/render.js';
import { commandStatus } from './status.js';
import type { Target } from './target.js';
import type { Dependencies, KeyView, RenderContext } from './types.js';
import type { World } from './world.js';

/** Entries that each list may have, whatever was asked for. */
const MAX_LISTED = 10_000;
/** Characters of all names in one answer: a key may be long, and a message is bounded. */
const MAX_CHARACTERS = 1024 * 1024;
/** Keys that are looked up before the renderer's thread gets to do other things. */
const SLICE = 5_000;

/**
 * What a file is made from, and what caused its last render: the dependencies that its last render had, looked up in the
 * keys as they are now. `limit`: of each list, so many at most; the counts are of all.
 */
export async function why(
  target: Target,
  status: ResourceStatus,
  limit: number,
  world: World,
): Promise<RenderWhyResponse> {
  const { resource, template, dependencies, history, state } = target;
  const { passes, cause, caused } = history;
  const room = new Room(Math.min(limit, MAX_LISTED));
  const looked = await lookUp(target, dependencies, room, world);
  return {
    status,
    file: resource.position.file,
    line: resource.position.line,
    templateFiles: [...(template?.files ?? [resource.srcPath])],
    item: resource.item?.key ?? '',
    known: dependencies !== undefined,
    subtrees: [...resource.subtrees],
    ...looked,
    others: othersOf(target, room, world.ports.env),
    cause: cause === undefined ? undefined : { ...cause, keys: [...cause.keys] },
    caused,
    passes: [...passes],
    verify: commandStatus(state.verify),
  };
}

type LookedUp = Pick<RenderWhyResponse, 'keys' | 'globs' | 'folders' | 'newest' | 'hasRevisions'>;

async function lookUp(
  { resource }: Target,
  dependencies: Dependencies | undefined,
  room: Room,
  { mirror, ports: { clock } }: World,
): Promise<LookedUp> {
  // As the template sees them, and at one revision, though others may be worked on meanwhile.
  const view = new MirrorView(mirror.clone(), resource);
  const { prefix } = resource;
  const newest = new Newest();
  const keys = room.list<KeyDependency>(dependencies?.keys.size ?? 0);
  let since = 0;
  const breathe = async (cost: number): Promise<void> => {
    since += cost;
    if (since < SLICE) return;
    since = 0;
    await clock.yield();
  };
  for (const name of dependencies?.keys ?? []) {
    const pair = view.get(name.slice(prefix.length) || '/');
    const found = { key: name, exists: pair !== undefined, revision: pair?.modRevision ?? 0 };
    newest.take(found);
    keys.add(name.length, () => found);
    await breathe(1);
  }
  const patterns = [...(dependencies?.patterns ?? [])];
  const globs = room.list<{ glob: string; matches: number; revision: number }>(patterns.length);
  for (const pattern of patterns) {
    const pairs = view.glob(pattern);
    const matched = new Newest();
    for (const { key, modRevision } of pairs)
      matched.take({ key: fullName(prefix, key), exists: true, revision: modRevision });
    if (matched.found !== undefined) newest.take(matched.found);
    globs.add(prefix.length + pattern.length, () => ({
      glob: prefix + pattern,
      matches: pairs.length,
      revision: matched.found?.revision ?? 0,
    }));
    await breathe(pairs.length + 1);
  }
  const folders = room.list<{ folder: string; names: number }>(dependencies?.folders.size ?? 0);
  for (const folder of dependencies?.folders ?? []) {
    folders.add(folder.length, () => ({ folder: `${folder}/`, names: namesIn(view, folder, prefix) }));
    await breathe(1);
  }
  return {
    keys: keys.done,
    globs: globs.done,
    folders: folders.done,
    newest: newest.found,
    hasRevisions: newest.found !== undefined && newest.found.revision > 0,
  };
}

function namesIn(view: KeyView, folder: string, prefix: string): number {
  return view.ls(folder.slice(prefix.length) || '/').length;
}

/** The source's name for a key that a template sees. */
function fullName(prefix: string, key: string): string {
  return prefix !== '' && key === '/' ? prefix : prefix + key;
}

function othersOf(
  target: Target,
  room: Room,
  variablesOf: RenderContext['env'],
): RenderWhyResponse['others'] {
  const { variables, needs } = target.inputs;
  const env = environmentOf(target, variablesOf);
  const list = room.list<{ kind: string; name: string; state: string }>(variables.size + needs.length);
  for (const name of variables) {
    const state = Object.hasOwn(env, name) && env[name] !== undefined ? 'set' : 'not set';
    list.add(name.length, () => ({ kind: 'variable', name, state }));
  }
  for (const need of needs) {
    const answer = target.answers.get(need);
    const name = nameOf(need);
    const state =
      answer === undefined ? 'not looked up yet' : 'failure' in answer ? answer.failure : said(answer.value);
    list.add(name.length + state.length, () => ({ kind: need.type, name, state }));
  }
  return list.done;
}

function nameOf(need: Need): string {
  switch (need.type) {
    case 'address':
      return need.host;
    case 'service':
      return `_${need.service}._${need.proto}.${need.domain}`;
    case 'interface':
      return need.name;
    case 'hostname':
      return '';
    case 'file':
    case 'file-exists':
      return need.path;
  }
}

/** An answer in words: what a file holds may be a secret. */
function said(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} found`;
  if (typeof value === 'boolean') return value ? 'is there' : 'is not there';
  return typeof value === 'string' ? `${Buffer.byteLength(value)} bytes` : 'found';
}

/** Of those that exist, the one with the highest revision; the first of several. */
class Newest {
  found: KeyDependency | undefined;

  take(one: KeyDependency): void {
    if (one.exists && (this.found === undefined || one.revision > this.found.revision)) this.found = one;
  }
}

/** What one answer has room for. */
class Room {
  readonly #limit: number;
  #characters = MAX_CHARACTERS;

  constructor(limit: number) {
    this.#limit = limit;
  }

  list<T>(count: number): { add(characters: number, make: () => T): void; readonly done: Listed<T> } {
    const list: T[] = [];
    return {
      add: (characters, make) => {
        if (list.length >= this.#limit || characters > this.#characters) return;
        this.#characters -= characters;
        list.push(make());
      },
      done: { count, list },
    };
  }
}

interface Listed<T> {
  count: number;
  list: T[];
}
