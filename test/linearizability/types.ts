/** What a key holds; null where there is no such key. */
export type Value = string | null;

/** What a client asked of one key. */
export type Action =
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'get' }
  | { readonly kind: 'delete' }
  /** Puts `value` if the key holds `expected`; null: if there is no such key. */
  | { readonly kind: 'compareAndSwap'; readonly expected: Value; readonly value: string };

/** What it was told. */
export type Answer =
  /** Of a put; also of a delete where the client wasn't told whether there was a key. */
  | { readonly kind: 'done' }
  /** Of a get. */
  | { readonly kind: 'found'; readonly value: Value }
  /** Of a delete: whether there was a key. Of a swap: whether it was made. */
  | { readonly kind: 'changed'; readonly changed: boolean };

/**
 * One call of one client. A call that certainly had no effect (refused before it was proposed) is no operation: leave it
 * out of the history.
 */
export interface Operation {
  /** For the explanation only. */
  readonly client: string;
  readonly key: string;
  readonly action: Action;
  /**
   * Times are any numbers that rise. An operation precedes another if it returned before, not when, the other was
   * called: under a coarse clock use {@link History}, which keeps its times apart.
   */
  readonly called: number;
  /** Infinity where `answer` is undefined. */
  readonly returned: number;
  /** Undefined: unknown (a timeout, a broken connection). It takes effect at any time after the call, or never. */
  readonly answer: Answer | undefined;
}

export interface CheckOptions {
  /** What keys hold before the history; the others are missing. */
  readonly initial?: ReadonlyMap<string, string>;
  /** Of the search of one key; beyond it the verdict is `undecided`. A step is one operation tried at one place. */
  readonly maxSteps?: number;
  /** The most operations an explanation prints; it says how many came before them. */
  readonly maxLines?: number;
}

export type Verdict =
  | { readonly verdict: 'linearizable'; readonly steps: number }
  | {
      readonly verdict: 'not linearizable';
      readonly steps: number;
      readonly key: string;
      /** The key's operations up to the first answer that no order explains; those without an answer by then have none. */
      readonly prefix: readonly Operation[];
      /** The prefix, one line an operation. */
      readonly explanation: string;
    }
  | {
      readonly verdict: 'undecided';
      readonly steps: number;
      readonly key: string;
      readonly explanation: string;
    };
