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

/**
 * One `[template]` of conf.d, its paths resolved and its keys joined to the prefix. Durations are milliseconds. One with
 * `forEach` stands for as many files as the keys have items: see `instanceOf`.
 */
export interface Resource {
  /** The file's path under conf.d, without `.toml`, and `#2` where the file has several; unique. */
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
  /** Of one render: milliseconds, and bytes of its text. */
  readonly renderTimeoutMs: number;
  readonly maxOutputBytes: number;
  readonly checkCmd: CommandSpec | undefined;
  readonly verifyCmd: CommandSpec | undefined;
  readonly reloadCmd: CommandSpec | undefined;
  readonly checkTimeoutMs: number;
  readonly verifyTimeoutMs: number;
  readonly reloadTimeoutMs: number;
  /** Two reloads of its lane begin no sooner after one another; one that is due sooner is put off. 0: at once. */
  readonly minReloadIntervalMs: number;
  readonly wait: Wait | undefined;
  /**
   * Fewer pairs than this in its subtrees: the destination is left as it is. 0: no guard. With `forEach`: fewer items, and
   * no file of one that is gone is removed.
   */
  readonly minEntries: number;
  readonly createDestDirs: boolean;
  readonly onDrift: 'repair' | 'report';
  /** What a key that doesn't exist reads as: an error, or ''. */
  readonly missingKey: 'error' | 'zero';
  /** A text of nothing but white space leaves the destination as it is. */
  readonly refuseEmpty: boolean;
  /** The text must be well-formed, or the destination stays as it is. */
  readonly outputFormat: OutputFormat | undefined;
  /** Former versions that are kept beside the destination. */
  readonly backup: number;
  /** Where the reload command fails the former file comes back and is reloaded. */
  readonly rollbackOnReloadFailure: boolean;
  /** Up to so long a reload waits at random, so that hosts don't reload together. */
  readonly reloadSplayMs: number;
  /** The name of its `[[group]]`: all of its files are swapped, or none. */
  readonly lane: string | undefined;
  readonly forEach: ForEach | undefined;
  /** The item of a `for_each` that this resource was made for. */
  readonly item: Item | undefined;
  /** Its item is gone: the file that was made for it is to go too. */
  readonly absent: boolean;
}

/** Quiet period and deadline: a render waits for `minMs` without a change, but no longer than `maxMs`. */
export interface Wait {
  readonly minMs: number;
  readonly maxMs: number;
  /** The deadline is one for all resources that wait together, counted from the first change of any. */
  readonly together?: boolean;
}

/** What the flags say of resources that don't say it themselves. */
export interface ResourceDefaults {
  readonly renderTimeoutMs: number;
  readonly maxOutputBytes: number;
  readonly checkTimeoutMs: number;
  readonly reloadTimeoutMs: number;
  readonly wait: Wait | undefined;
}

export const OUTPUT_FORMATS = ['json', 'yaml', 'toml', 'xml'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** `for_each`: a file for each key or folder that matches. `dest` and `subtrees` hold its placeholders. */
export interface ForEach {
  /** A path.Match glob of keys as the template sees them. */
  readonly glob: string;
  /** The longest path, prefix included, under which all items lie. */
  readonly root: string;
  /** `keys`, joined to the prefix, for each item; the resource's own subtrees hold those of all items. */
  readonly subtrees: readonly string[];
  /** Whether files of items that are gone are removed. */
  readonly prune: boolean;
}

/** One match of a `for_each`: the key or folder as the template sees it, and its last part. */
export interface Item {
  /** Of the resource that has the `for_each`. */
  readonly of: string;
  readonly key: string;
  readonly name: string;
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
