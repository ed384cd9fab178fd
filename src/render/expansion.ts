import { dirname, join } from 'node:path';
import { messageOf } from '../base/errors.js';
import { instanceOf } from '../confdir/for-each.js';
import type { Reserved } from '../confdir/ownership.js';
import { isWithin } from '../confdir/paths.js';
import type { Item, Resource } from '../confdir/types.js';
import type { Mirror } from '../source/mirror.js';
import type { Subtree } from '../source/types.js';
import type { RenderFiles } from './files.js';
import { changesItems, itemsOf } from './items.js';
import type { StateFolder } from './state.js';

export interface ExpansionPorts {
  readonly files: RenderFiles;
  readonly states: StateFolder;
  readonly mirror: Mirror;
  /** Where no file of an item may lie: its name comes from a key. */
  readonly reserved: readonly Reserved[];
}

export interface Expanded {
  readonly resources: readonly Resource[];
  readonly errors: readonly string[];
}

/** The files that a generation's resources stand for: one each, and one an item of those with a `for_each`. */
export class Expansion {
  readonly #ports: ExpansionPorts;
  #declared: readonly Resource[] = [];
  /** Items in force, by the resource's name. */
  readonly #items = new Map<string, ReadonlySet<string>>();
  /** Files that were made for items, by destination: those of earlier processes too, once they were asked for. */
  readonly #made = new Map<string, Item>();
  #recalled = false;

  constructor(ports: ExpansionPorts) {
    this.#ports = ports;
  }

  declare(resources: readonly Resource[]): void {
    this.#declared = resources;
    const names = new Set(resources.map(({ name }) => name));
    for (const name of this.#items.keys()) if (!names.has(name)) this.#items.delete(name);
  }

  get isNeeded(): boolean {
    return this.#declared.some(({ forEach }) => forEach !== undefined);
  }

  /** Whether changed names make items, or end some. */
  changedBy(names: ReadonlySet<string>): boolean {
    return this.#declared.some((resource) => {
      if (resource.forEach === undefined) return false;
      const known = this.#items.get(resource.name) ?? new Set<string>();
      for (const name of names) if (changesItems(resource, name, this.#ports.mirror, known)) return true;
      return false;
    });
  }

  /**
   * What the keys make of the resources now. `covers`: whether the mirror has all keys of a subtree; where it doesn't,
   * nothing is known of the items yet, so none are made and none are removed.
   */
  async expand(covers: (subtrees: readonly Subtree[]) => boolean): Promise<Expanded> {
    if (!this.isNeeded) return { resources: this.#declared, errors: [] };
    await this.#recall();
    const single = this.#declared.filter(({ forEach }) => forEach === undefined);
    // Taken over: no longer an item's file, even when its resource goes.
    for (const { dest } of single) this.#made.delete(dest);
    const errors: string[] = [];
    const wanted: Resource[] = [];
    const orphaned: Resource[] = [];
    for (const parent of this.#declared) {
      if (parent.forEach === undefined) continue;
      if (!covers([parent.forEach.root])) {
        wanted.push(...this.#lastOf(parent));
        continue;
      }
      const complain = (what: string): void => {
        errors.push(`${parent.position.file}:${parent.position.line}: ${what}`);
      };
      const items = itemsOf(parent, this.#ports.mirror);
      if ('wrong' in items) {
        complain(`${items.wrong}: its files stay as they are`);
        continue;
      }
      this.#items.set(parent.name, new Set(items));
      for (const key of items) {
        const one = instanceOf(parent, key);
        if ('wrong' in one) complain(one.wrong);
        else wanted.push(one);
      }
      orphaned.push(...this.#orphansOf(parent, items.length, complain));
    }
    const { granted, refusals } = await this.#settle(single, wanted);
    for (const { item, dest } of granted) if (item !== undefined) this.#made.set(dest, item);
    const taken = new Set([...single, ...wanted].map(({ dest }) => dest));
    const removable = orphaned.filter(({ dest }) => !taken.has(dest));
    return { resources: [...single, ...granted, ...removable], errors: [...errors, ...refusals] };
  }

  /** A file is gone, or is nobody's any more. */
  forget(dest: string): void {
    this.#made.delete(dest);
  }

  async #recall(): Promise<void> {
    if (this.#recalled) return;
    this.#recalled = true;
    for (const { dest, item } of await this.#ports.states.ofItems())
      if (item !== undefined && !this.#made.has(dest)) this.#made.set(dest, item);
  }

  /** The files of the items that were there when the keys were last known. */
  #lastOf(parent: Resource): readonly Resource[] {
    const instances = [...(this.#items.get(parent.name) ?? [])].map((key) => instanceOf(parent, key));
    return instances.filter((one): one is Resource => 'dest' in one);
  }

  /** Files of items that a resource once had. */
  #orphansOf(parent: Resource, count: number, complain: (what: string) => void): readonly Resource[] {
    const items = this.#items.get(parent.name);
    const found: Resource[] = [];
    for (const [dest, item] of this.#made) {
      if (item.of !== parent.name) continue;
      const one = instanceOf(parent, item.key);
      // Its item is there, and makes this very file.
      if (items?.has(item.key) === true && 'dest' in one && one.dest === dest) continue;
      if ('dest' in one) found.push({ ...one, dest, absent: true });
    }
    if (found.length === 0 || parent.forEach?.prune !== true) return [];
    if (count >= parent.minEntries) return found;
    complain(
      `${count} of at least ${parent.minEntries} items (min_entries): ${found.length} files that no item is left for stay (min_entries = 0 removes the last one too)`,
    );
    return [];
  }

  /** Of two claimants of one file neither gets it, and a reserved folder's files are nobody's. */
  async #settle(
    single: readonly Resource[],
    wanted: readonly Resource[],
  ): Promise<{ granted: readonly Resource[]; refusals: readonly string[] }> {
    const reserved = await Promise.all(
      this.#ports.reserved.map(async ({ folder, name }) => ({ folder: await this.#real(folder), name })),
    );
    const claims = new Map<string, Resource[]>();
    const real = await Promise.all(
      [...single, ...wanted].map(async (one) => [one, await this.#real(one.dest)] as const),
    );
    for (const [one, path] of real) claims.set(path, [...(claims.get(path) ?? []), one]);
    const granted: Resource[] = [];
    const refusals: string[] = [];
    for (const [one, path] of real.slice(single.length)) {
      const rivals = (claims.get(path) ?? []).filter((other) => other !== one);
      const inside = reserved.find(({ folder }) => isWithin(folder, path));
      const place = `${one.position.file}:${one.position.line}`;
      if (inside !== undefined)
        refusals.push(
          `${place}: dest ${one.dest} lies inside ${inside.name} ${inside.folder}: it is left out`,
        );
      else if (rivals.length > 0)
        refusals.push(
          `${place}: dest ${one.dest} is claimed by ${rivals.map(({ name }) => name).join(', ')} too: it is left out`,
        );
      else granted.push(one);
    }
    return { granted, refusals };
  }

  async #real(dest: string): Promise<string> {
    for (let at = dest, rest = ''; ; rest = join(at.slice(dirname(at).length), rest), at = dirname(at)) {
      try {
        return join(await this.#ports.files.resolve(at), rest);
      } catch (error) {
        if (dirname(at) === at) throw new Error(`can't resolve ${dest}: ${messageOf(error)}`);
      }
    }
  }
}
