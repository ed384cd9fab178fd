import type { CommandSpec } from '../command/types.js';

/** A place in a file; line and column count from 1, 0 where unknown. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Something wrong with a file, in one sentence that says what was expected. A warning under --strict is an error. */
export interface Problem extends Position {
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

/** One `[template]` of conf.d, its paths resolved and its keys joined to the prefix. Durations are milliseconds. */
export interface Resource {
  /** The file's path under conf.d, without `.toml`; unique. */
  readonly name: string;
  readonly position: Position;
  /** As written, relative to templates/, and resolved. */
  readonly src: string;
  readonly srcPath: string;
  /** Absolute. */
  readonly dest: string;
  /** '' or with a leading slash and no trailing one. Trimmed from the keys that the template sees. */
  readonly prefix: string;
  /** What the template may see: prefix joined to each key; the whole prefix where `keys` was left out. */
  readonly subtrees: readonly string[];
  /** Permission bits; undefined: the destination's own, else 0644. */
  readonly mode: number | undefined;
  /** Undefined: the destination's own, else the process's. */
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly checkCmd: CommandSpec | undefined;
  readonly verifyCmd: CommandSpec | undefined;
  readonly reloadCmd: CommandSpec | undefined;
  readonly checkTimeoutMs: number;
  readonly verifyTimeoutMs: number;
  readonly reloadTimeoutMs: number;
  /** Quiet period and deadline: a render waits for `minMs` without a change, but no longer than `maxMs`. */
  readonly wait: { readonly minMs: number; readonly maxMs: number } | undefined;
  /** Fewer pairs than this in its subtrees: the destination is left as it is. 0: no guard. */
  readonly minEntries: number;
  readonly createDestDirs: boolean;
  readonly onDrift: 'repair' | 'report';
}

/** One `[[hook]]` of conf.d. */
export interface Hook {
  readonly name: string;
  readonly position: Position;
  readonly prefix: string;
  readonly subtrees: readonly string[];
  readonly command: CommandSpec;
  readonly timeoutMs: number;
}

/** All that conf.d says at one moment. Files with an error contribute nothing but their problems. */
export interface Generation {
  readonly resources: readonly Resource[];
  readonly hooks: readonly Hook[];
  readonly problems: readonly Problem[];
  /** Sound by themselves, but their destination has another claimant or lies in a reserved folder. */
  readonly refused?: readonly Resource[];
}
