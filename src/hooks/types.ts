/** One change of one key, as hooks see it. */
export interface HookEvent {
  readonly type: 'put' | 'delete';
  /** v2's word where there is a better one than `set` and `delete`: `create`, `expire`, … */
  readonly action?: string;
  readonly key: string;
  /** '' for a delete. */
  readonly value: string;
  /** 0 where the source has no revisions per key. */
  readonly modRevision: number;
  readonly createRevision?: number;
}

/** Whole revisions, up to and including `revision`. */
export interface HookBatch {
  readonly revision: number;
  readonly events: readonly HookEvent[];
}

/** What one run is about. */
export interface HookInput extends HookBatch {
  /** How many changes the events stand for: more than there are events where only the last of each key was kept. */
  readonly count: number;
  /** Changes that nothing is left of: the hook had better look at everything anew. */
  readonly dropped: number;
}
