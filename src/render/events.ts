/** What a renderer tells while it works, for who shows it live. Logs are told apart from these, through a Log. */
export type RenderEvent =
  | {
      readonly type: 'written';
      readonly resource: string;
      readonly dest: string;
      readonly revision: number;
      /** From the commit of the newest change to the swap; undefined where no change caused it. */
      readonly latencyMs: number | undefined;
      /** The first few keys whose changes caused it, and of how many. */
      readonly causes: readonly string[];
      readonly causeCount: number;
      /** It had been edited by hand. */
      readonly drift: boolean;
      /** A unified diff, bounded; undefined: nobody asked for diffs, or the file is too large. */
      readonly diff: string | undefined;
    }
  | {
      readonly type: 'in sync';
      readonly resource: string;
      readonly dest: string;
      readonly revision: number;
    }
  | {
      readonly type: 'failed';
      readonly resource: string;
      readonly dest: string;
      readonly revision: number;
      readonly error: string;
      readonly retryInMs: number | undefined;
    }
  /** Something isn't as the resource asks, but the file is rendered. Told once. */
  | { readonly type: 'warning'; readonly resource: string; readonly dest: string; readonly message: string }
  /** The destination is left as it is on purpose: the source is behind, a guard, a hand-edited file. */
  | { readonly type: 'held'; readonly resource: string; readonly dest: string; readonly reason: string }
  /** A verify command failed: the former files are back. */
  | {
      readonly type: 'restored';
      readonly dests: readonly string[];
      readonly command: string;
      readonly outcome: string;
    }
  | {
      readonly type: 'reload';
      readonly dests: readonly string[];
      readonly command: string;
      readonly ok: boolean;
      readonly outcome: string;
      readonly durationMs: number;
      readonly retryInMs: number | undefined;
    }
  /** The item that a file was made for is gone, and so is the file. */
  | { readonly type: 'pruned'; readonly resource: string; readonly dest: string; readonly revision: number }
  /** A resource is no longer declared; its file stays. */
  | { readonly type: 'removed'; readonly resource: string; readonly dest: string }
  | { readonly type: 'configuration'; readonly resources: number; readonly problems: readonly string[] }
  | { readonly type: 'source lost'; readonly source: string; readonly reason: string }
  | { readonly type: 'source back'; readonly source: string; readonly revision: number }
  /** Files of one lane are in force: swapped, verified, and the reload tried. */
  | { readonly type: 'applied'; readonly dests: readonly string[] }
  /** Every file is what the keys say, for the first time since the start: what needs them may begin. */
  | { readonly type: 'complete'; readonly revision: number }
  /** Every resource has been tried once since the start. */
  | {
      readonly type: 'ready';
      readonly revision: number;
      readonly inSync: number;
      readonly written: number;
      readonly failed: number;
      readonly held: number;
    };
