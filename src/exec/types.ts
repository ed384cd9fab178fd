import type { CommandSpec } from '../command/types.js';

/** `[exec]`, or `confetd -- COMMAND…`: one child that lives as long as the daemon. Durations are milliseconds. */
export interface ExecSettings {
  readonly command: CommandSpec;
  /** Sent when files have changed; undefined: the child is ended and started anew. */
  readonly reloadSignal: NodeJS.Signals | undefined;
  /** Sent to end it. */
  readonly killSignal: NodeJS.Signals;
  /** What of its process group is still there after so long gets SIGKILL. */
  readonly killTimeoutMs: number;
  /** A reload waits at random up to so long, so that hosts don't reload together. */
  readonly splayMs: number;
}

export const EXEC_DEFAULTS: Omit<ExecSettings, 'command'> = {
  reloadSignal: undefined,
  killSignal: 'SIGTERM',
  killTimeoutMs: 30_000,
  splayMs: 0,
};

/** How a child ended. */
export type ExecEnd =
  | { readonly exitCode: number; readonly signal?: undefined; readonly failure?: undefined }
  | { readonly signal: NodeJS.Signals; readonly exitCode?: undefined; readonly failure?: undefined }
  /** It could not be started: the system's code, and a sentence. */
  | {
      readonly failure: string;
      readonly code: string;
      readonly exitCode?: undefined;
      readonly signal?: undefined;
    };

export interface ExecChild {
  readonly pid: number | undefined;
  /** Resolves with its end, once; what it has started may go on. */
  readonly ended: Promise<ExecEnd>;
  /** To the child itself. One that is gone is fine. */
  signal(signal: NodeJS.Signals): void;
  /** Ends what is left of its process group. */
  endGroup(graceMs: number): Promise<void>;
}

export type StartChild = (command: CommandSpec) => ExecChild;
