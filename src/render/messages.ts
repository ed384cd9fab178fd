import type { ErrorCode } from '../base/errors.js';
import type { PrefixMode } from '../confdir/resource.js';
import type { Problem, ResourceDefaults } from '../confdir/types.js';
import type { Log, LogLevel } from '../io/log.js';
import type {
  RenderStatusResponse,
  RenderWaitResponse,
  RenderWhyResponse,
} from '../proto/generated/render.js';
import type { FeedMessage, FeedRequest } from '../source/feed.js';
import type { RemoteSpec } from '../source/remote.js';
import type { SourceTiming } from '../source/timing.js';
import type { TlsFiles } from '../source/tls.js';
import type { RenderEvent } from './events.js';
import type { PassOptions } from './world.js';

/** What a renderer's worker is told at its start. Only data: it may become another process one day. */
export interface WorkerSettings {
  /** Holds conf.d and templates. */
  readonly confdir: string;
  /** Stands in for every resource's prefix. */
  readonly prefix: string | undefined;
  /** Of resources that don't say it themselves; `replace` if left out. */
  readonly prefixMode?: PrefixMode;
  /** Of resources that don't say it themselves; confdir's own if left out. */
  readonly defaults?: ResourceDefaults;
  /** Where no destination may lie. */
  readonly dataFolder: string | undefined;
  /** Relative destinations are resolved against it. */
  readonly cwd: string;
  readonly stateFolder: string | undefined;
  readonly intervalMs: number;
  /** False: conf.d and templates are read again on `reload` only. */
  readonly watchFiles: boolean;
  readonly pass: Partial<PassOptions>;
  /** The least that is logged: a line that nobody reads would cost both threads a message. */
  readonly logLevel: LogLevel;
  readonly source: SourceSpec;
}

/** `pollMs`: it is read anew so often, and not followed. */
export type SourceSpec = { readonly pollMs?: number; readonly timing?: SourceTiming } & (
  | { readonly type: 'embedded' }
  | { readonly type: 'env' }
  | {
      readonly type: 'file';
      readonly paths: readonly string[];
      /** Which files of folders: path.Match on their names; all. */
      readonly filter?: string;
    }
  | {
      readonly type: 'etcdv3';
      readonly endpoints: readonly string[];
      readonly login?: { readonly username: string; readonly password: string };
      readonly tls?: TlsFiles;
    }
  | RemoteSpec
);

/** What can be asked of the worker, and what it answers. */
export interface Calls {
  status: { readonly arguments: undefined; readonly answer: RenderStatusResponse };
  wait: {
    readonly arguments: { readonly revision: number; readonly timeoutMs: number };
    readonly answer: RenderWaitResponse;
  };
  why: {
    readonly arguments: { readonly dest: string; readonly resource: string; readonly limit: number };
    readonly answer: RenderWhyResponse;
  };
  accept: { readonly arguments: { readonly dest: string }; readonly answer: undefined };
  /** `dest` '': every destination; `forMs` 0: until it is resumed. */
  pause: {
    readonly arguments: { readonly dest: string; readonly forMs: number };
    readonly answer: undefined;
  };
  resume: { readonly arguments: { readonly dest: string }; readonly answer: undefined };
  reconcile: { readonly arguments: undefined; readonly answer: undefined };
  /** Reads conf.d and templates again. */
  reload: { readonly arguments: undefined; readonly answer: undefined };
  /** Answers once everything has ended. */
  shutdown: { readonly arguments: { readonly reloadTimeoutMs: number }; readonly answer: undefined };
}

export type CallName = keyof Calls;

export type Call = {
  readonly [Name in CallName]: {
    readonly type: 'call';
    readonly id: number;
    readonly name: Name;
    readonly arguments: Calls[Name]['arguments'];
  };
}[CallName];

export type ToWorker =
  | { readonly type: 'start'; readonly settings: WorkerSettings }
  | { readonly type: 'feed'; readonly message: FeedMessage }
  | Call;

export type FromWorker =
  /** The first generation is in force; these are its problems. */
  | { readonly type: 'started'; readonly problems: readonly Problem[] }
  /** It could not start. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'feed'; readonly request: FeedRequest }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Calls[CallName]['answer'] }
  | { readonly type: 'failure'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'event'; readonly event: RenderEvent }
  | {
      readonly type: 'log';
      readonly level: keyof Log;
      readonly fields: object;
      readonly message: string;
    };
