import type { Resource } from '../confdir/types.js';
import { inSubtrees } from '../source/subtree.js';
import { Causes, type Changes } from './causes.js';
import { Answers } from './functions/needs.js';
import { type Cause, History, type Trigger } from './history.js';
import { Inputs } from './inputs.js';
import type { DestinationState, Stamp } from './state.js';
import type { Dependencies, Template } from './types.js';

/** Revisions, both inclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What one pass is about: the changes since the pass before. */
export interface Attempt {
  /** A dependency is known to have changed. */
  readonly touched: boolean;
  readonly range: Range | undefined;
  /** The first few keys, and how many there were. */
  readonly causes: readonly string[];
  readonly causeCount: number;
  /** Clock.monotonicMs() of the newest change. */
  readonly committedAtMs: number | undefined;
  readonly trigger: Trigger;
  /** The changes, where there were any. */
  readonly cause: Cause | undefined;
  /** Clock.monotonicMs() of the pass's beginning. */
  readonly beganAtMs: number;
}

export type Phase = 'pending' | 'in_sync' | 'failed' | 'held';

const MAX_CAUSES = 3;

/** A destination with what it is wanted to be and what it is: a resource as the renderer works on it. */
export class Target {
  resource: Resource;
  template: Template | undefined;
  /** Its state can't be read: nobody knows how old the destination is, so it is left alone. */
  stateError: string | undefined;
  /** Why there is no template. */
  templateError: string | undefined;
  state: DestinationState;

  /** What the last render asked for; undefined: everything may matter. */
  dependencies: Dependencies | undefined;
  /** A render with lookups is under way: until its end every change of its keys counts. */
  rendering = false;
  /** Held by min_entries: every key counts. */
  guarded = false;
  /** Held because the source is behind: every revision counts. */
  behind = false;
  stamp: Stamp | undefined;
  /** What else than keys the last render read. */
  inputs = new Inputs();
  readonly answers = new Answers();

  /** A pass has ended for it. */
  tried = false;
  phase: Phase = 'pending';
  lastError = '';
  /** What isn't as asked, and doesn't keep the file from being rendered. */
  warning = '';
  /** The revision of the newest render that is in force. */
  appliedRevision = 0;
  renders = 0;
  /** All the time that renders took. */
  renderMs = 0;
  swaps = 0;
  drifts = 0;
  reloads = 0;
  failedReloads = 0;
  /** Unix milliseconds of the last swap; 0: none in this process. */
  swappedAtMs = 0;
  /** What a hand-edited file was when it was counted, if it is left as it is. */
  reportedDrift = '';
  /** Passes that failed in a row, and since the start. */
  failures = 0;
  failedPasses = 0;
  /** Unix milliseconds at which a pass last left the file as the keys say; 0: none has. */
  succeededAtMs = 0;
  readonly history = new History();
  /** What the next pass will be about, unless a change comes; undefined: nothing has said. */
  trigger: Trigger | undefined;

  #touched = false;
  #pending: Range | undefined;
  #inPass: Range | undefined;
  #causes: string[] = [];
  #causeCount = 0;
  #committedAtMs: number | undefined;
  #changes = new Causes();
  #free: Promise<void> = Promise.resolve();

  constructor(resource: Resource, state: DestinationState) {
    this.resource = resource;
    this.state = state;
    // A swap that was begun may have happened: its text is what the next render is compared with.
    this.stamp = state.swap ?? state.applied;
  }

  /** The first revision whose effect isn't settled yet; undefined: all are. */
  get unsettledFrom(): number | undefined {
    return this.#inPass?.from ?? this.#pending?.from;
  }

  /** Notes the changed names that matter to it; false: none does. */
  touch(changes: Changes, range: Range, committedAtMs: number | undefined): boolean {
    const names: string[] = [];
    for (const name of changes.names) if (this.#touchedBy(name)) names.push(name);
    if (names.length === 0) return false;
    this.#touched = true;
    this.#causes = [...this.#causes, ...names.slice(0, MAX_CAUSES)].slice(0, MAX_CAUSES);
    this.#causeCount += names.length;
    this.#changes.add(changes, names);
    this.#committedAtMs = committedAtMs;
    this.due(range);
    return true;
  }

  /** It has to be looked at for these revisions, whether or not anything changed for it. */
  due(range: Range): void {
    this.#pending = { from: this.#pending?.from ?? range.from, to: range.to };
  }

  /** Begins a pass, at `beganAtMs` of Clock.monotonicMs(): takes what has gathered. */
  begin(beganAtMs: number): Attempt {
    const attempt: Attempt = {
      touched: this.#touched,
      range: this.#pending,
      causes: this.#causes,
      causeCount: this.#causeCount,
      committedAtMs: this.#committedAtMs,
      trigger: this.#touched ? 'change' : this.#triggered(),
      cause: this.#changes.cause,
      beganAtMs,
    };
    this.#inPass = this.#pending;
    this.#pending = undefined;
    this.#touched = false;
    this.#causes = [];
    this.#causeCount = 0;
    this.#committedAtMs = undefined;
    this.#changes = new Causes();
    this.trigger = undefined;
    return attempt;
  }

  #triggered(): Trigger {
    if (!this.tried) return 'start';
    return this.trigger ?? (this.#pending === undefined ? 'group' : 'keys');
  }

  end(): void {
    this.#inPass = undefined;
  }

  /** Notes a warning, '' for none. Answers whether it is news. */
  warn(warning: string): boolean {
    const isNews = this.warning !== warning;
    this.warning = warning;
    return isNews;
  }

  /** What it was made from counts for nothing: the next pass takes the source as it is. */
  forgetOrigin(): void {
    this.state.origin = '';
    if (this.state.swap !== undefined) this.state.swap = { ...this.state.swap, origin: '' };
    this.stamp = undefined;
  }

  /** Waits until no other lane works on it, and keeps others waiting until the answer is called. */
  async acquire(): Promise<() => void> {
    const before = this.#free;
    let release = (): void => {};
    this.#free = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  #touchedBy(name: string): boolean {
    if (this.dependencies === undefined || this.rendering || this.guarded) {
      return inSubtrees(this.resource.subtrees, name);
    }
    return this.dependencies.touchedBy(name);
  }
}
