/** A string for /bin/sh, or an array that runs without a shell. */
export type CommandSpec = string | readonly string[];

export interface CommandOptions {
  /** Bounds the whole run; then the process group gets SIGTERM, and SIGKILL `killGraceMs` later. */
  readonly timeoutMs: number;
  readonly killGraceMs?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is then closed; nothing: it is /dev/null. */
  readonly input?: string;
  /** Told of each piece of output as it comes, uncut: for who shows it live. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** Ends the run early, as a timeout does. */
  readonly signal?: AbortSignal;
}

export interface CommandResult {
  readonly ok: boolean;
  /** In words: `exit 0`, `exit 1`, `timed out after 10s`, `killed by SIGTERM`, `not found: nginx`, `cancelled`. */
  readonly outcome: string;
  readonly exitCode: number | undefined;
  /** Standard output and error as they came, interleaved, cut to the last 64 KiB. */
  readonly output: string;
  readonly durationMs: number;
}

/** Runs one child process to its end; never rejects. The port that lanes and hooks are tested through. */
export type RunCommand = (spec: CommandSpec, options: CommandOptions) => Promise<CommandResult>;
