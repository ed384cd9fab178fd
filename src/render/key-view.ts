import { compareBytes, hasSurrogates, sortAsBytes } from '../base/byte-text.js';
import type { Mirror } from '../source/mirror.js';
import { inSubtrees } from '../source/subtree.js';
import type { Pair } from '../source/types.js';
import { compileGlob, type Glob } from './functions/glob.js';
import { base } from './functions/paths.js';
import type { Dependencies, KeyView } from './types.js';

/** What of a mirror a resource's template may see. */
export interface Visible {
  /** '' or with a leading slash and no trailing one: trimmed from the keys. */
  readonly prefix: string;
  /** Clean names that begin with the prefix. */
  readonly subtrees: readonly string[];
  readonly missingKey?: 'error' | 'zero';
}

/**
 * A resource's keys, for one render: a mirror seen through the resource's subtrees, its prefix trimmed. The mirror must
 * not move on while a render uses the view. Collects every question, answered or not, as {@link Dependencies}.
 */
export class MirrorView implements KeyView {
  readonly #mirror: Mirror;
  readonly #prefix: string;
  readonly #subtrees: readonly string[];
  /** The subtrees hide nothing under the prefix. */
  readonly #whole: boolean;
  readonly #asked: Questions;
  readonly missingKey: 'error' | 'zero';

  constructor(mirror: Mirror, { prefix, subtrees, missingKey = 'error' }: Visible) {
    this.missingKey = missingKey;
    this.#mirror = mirror;
    this.#prefix = prefix;
    this.#subtrees = subtrees;
    this.#whole = subtrees.some(
      (subtree) => subtree === '' || subtree === prefix || prefix.startsWith(`${subtree}/`),
    );
    this.#asked = new Questions(prefix, this.#whole ? undefined : subtrees);
  }

  get revision(): number {
    return this.#mirror.revision;
  }

  /** What was asked for so far. */
  get dependencies(): Dependencies {
    return this.#asked;
  }

  get(key: string): Pair | undefined {
    const name = this.#full(key);
    if (name === undefined) return undefined;
    this.#asked.keys.add(name);
    const pair = this.#sees(name) ? this.#mirror.get(name) : undefined;
    return pair === undefined ? undefined : this.#trimmed(pair);
  }

  glob(pattern: string): readonly Pair[] {
    const glob = compileGlob(pattern);
    this.#asked.globs.set(pattern, glob);
    const from = this.#prefix.length;
    const found: Pair[] = [];
    for (const pair of this.#mirror.withPrefix(this.#prefix + glob.literal)) {
      const matches =
        pair.key.length === from
          ? from > 0 && glob.matches('/')
          : (from === 0 || pair.key.charCodeAt(from) === SLASH) && glob.matches(pair.key, from);
      if (matches && this.#sees(pair.key)) found.push(this.#trimmed(pair));
    }
    // The mirror's order is UTF-16's.
    if (found.some(({ key }) => hasSurrogates(key))) found.sort((a, b) => compareBytes(a.key, b.key));
    // The prefix itself is a key too, named `/`: what begins with the prefix and a literal slash leaves it out.
    if (glob.literal === '/' && from > 0 && glob.matches('/')) {
      const root = this.#mirror.get(this.#prefix);
      if (root !== undefined && this.#sees(root.key)) found.unshift(this.#trimmed(root));
    }
    return found;
  }

  ls(path: string): readonly string[] {
    const folder = this.#folder(path);
    if (folder === undefined) return [];
    const names = this.#folders(folder);
    for (const leaf of this.#mirror.children(folder).leaves) {
      if (this.#sees(`${folder}/${leaf}`)) names.add(leaf);
    }
    if (folder !== this.#prefix && this.#sees(folder) && this.#mirror.get(folder) !== undefined)
      names.add(base(folder));
    return sortAsBytes([...names]);
  }

  lsdir(path: string): readonly string[] {
    const folder = this.#folder(path);
    return folder === undefined ? [] : sortAsBytes([...this.#folders(folder)]);
  }

  /** The mirror's name for a template's key. A key without a leading slash names nothing. */
  #full(key: string): string | undefined {
    if (key === '/') return this.#prefix === '' ? '/' : this.#prefix;
    return key.startsWith('/') ? this.#prefix + key : undefined;
  }

  /** The mirror's name for a template's folder, without a trailing slash: '' is the top. Remembers the question. */
  #folder(path: string): string | undefined {
    const trimmed = path.replace(/\/+$/, '');
    if (trimmed !== '' && !trimmed.startsWith('/')) return undefined;
    const folder = this.#prefix + trimmed;
    this.#asked.folders.add(folder);
    return folder;
  }

  #folders(folder: string): Set<string> {
    const names = this.#mirror.children(folder).folders;
    return new Set(this.#whole ? names : names.filter((name) => this.#holds(`${folder}/${name}`)));
  }

  /** Whether anything visible lies under a folder. */
  #holds(folder: string): boolean {
    if (inSubtrees(this.#subtrees, folder)) return true;
    return this.#subtrees.some((subtree) => {
      if (!subtree.startsWith(`${folder}/`)) return false;
      if (this.#mirror.get(subtree) !== undefined) return true;
      let found = false;
      this.#mirror.scan(`${subtree}/`, () => {
        found = true;
        return false;
      });
      return found;
    });
  }

  #sees(name: string): boolean {
    return this.#whole || inSubtrees(this.#subtrees, name);
  }

  #trimmed(pair: Pair): Pair {
    if (this.#prefix === '') return pair;
    return {
      key: pair.key.slice(this.#prefix.length) || '/',
      value: pair.value,
      modRevision: pair.modRevision,
    };
  }
}

const SLASH = 47;

/** Everything a render asked, by the mirror's names. */
class Questions implements Dependencies {
  readonly keys = new Set<string>();
  /** By pattern; they match trimmed keys. */
  readonly globs = new Map<string, Glob>();
  readonly folders = new Set<string>();
  readonly #prefix: string;
  readonly #subtrees: readonly string[] | undefined;

  get patterns(): Iterable<string> {
    return this.globs.keys();
  }

  constructor(prefix: string, subtrees: readonly string[] | undefined) {
    this.#prefix = prefix;
    this.#subtrees = subtrees;
  }

  touchedBy(name: string): boolean {
    if (this.#subtrees !== undefined && !inSubtrees(this.#subtrees, name)) return false;
    if (this.keys.has(name)) return true;
    const key = this.#trim(name);
    if (key === undefined) return false;
    for (const glob of this.globs.values()) if (glob.matches(key)) return true;
    // A folder's listing may change with anything under it, and with a key of the folder's own name.
    if (this.folders.size === 0) return false;
    for (let end = name.length; end >= 0; end = end === 0 ? -1 : name.lastIndexOf('/', end - 1)) {
      if (this.folders.has(name.slice(0, end))) return true;
    }
    return false;
  }

  /** As the template would see it; undefined: it lies outside the prefix. */
  #trim(name: string): string | undefined {
    if (this.#prefix === '') return name;
    if (name === this.#prefix) return '/';
    return name.startsWith(`${this.#prefix}/`) ? name.slice(this.#prefix.length) : undefined;
  }
}
