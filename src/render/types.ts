import type { Pair } from '../source/types.js';
import type { Answers, Need } from './functions/needs.js';

/** The keys a template sees, at one revision, its prefix trimmed. Every question is remembered as a dependency. */
export interface KeyView {
  readonly revision: number;
  /** What `get` and `getv` make of a key that doesn't exist: '', or, left out, an error. */
  readonly missingKey?: 'error' | 'zero';
  get(key: string): Pair | undefined;
  /** Pairs whose whole key matches a path.Match glob (`*` never crosses a slash), by key. */
  glob(pattern: string): readonly Pair[];
  /** Names of the leaves and folders directly under a path, and a leaf's own base, sorted (confd's `ls`). */
  ls(path: string): readonly string[];
  /** Names of the folders directly under a path, sorted (confd's `lsdir`). */
  lsdir(path: string): readonly string[];
}

/** What a render asked for: a change that touches none of it can't alter the outcome. */
export interface Dependencies {
  touchedBy(key: string): boolean;
  /** Keys and folders that were asked for, by the source's names, and globs as they match keys without the prefix. */
  readonly keys: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
  readonly patterns: Iterable<string>;
}

export interface RenderContext {
  readonly keys: KeyView;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The template's path and the destination, for `@src` and `@dest`. */
  readonly src: string;
  readonly dest: string;
  /** Of a `for_each`: `@item` and `@name`. */
  readonly item?: { readonly key: string; readonly name: string };
  /** For `datetime`: unix milliseconds, standing still until a dependency changes. */
  readonly nowMs: number;
  /** Clock.monotonicMs() at which the render is given up. */
  readonly deadlineMs: number;
  /** Of the output, in bytes. */
  readonly maxBytes: number;
  readonly monotonicMs: () => number;
  /** Lookups already made. A render that lacks one throws a NeedError (functions/needs.ts, `renderWithNeeds`). */
  readonly answers?: Answers;
  /** Told each need of a render, once a pass. */
  readonly asked?: (need: Need) => void;
}

/** A template ready to run. Renders are synchronous and pure but for the context. */
export interface Template {
  /** Files it was made from, itself first, for watching. */
  readonly files: readonly string[];
  /** Throws a `template` ConfetdError with `file:line:column:` in front, or a NeedError. */
  render(context: RenderContext): string;
}

/** One template language, by its file extension. */
export interface Engine {
  readonly extension: '.hbs' | '.tmpl';
  /**
   * Reads and compiles; a `partial` may use fields of data that only the files which include it know. Throws a `template`
   * ConfetdError with `file:line:column:` in front.
   */
  compile(path: string, folder: string, role?: 'partial'): Promise<Template>;
}
