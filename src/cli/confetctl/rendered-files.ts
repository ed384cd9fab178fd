import { relative } from 'node:path';
import { ConfetdError } from '../../base/errors.js';
import type { RenderWaitResponse } from '../../proto/generated/render.js';
import type { Json } from '../output/go-json.js';
import { few, waited } from '../progress.js';
import { AwaitedFiles } from './awaited-files.js';
import type { Invocation } from './command.js';

/** The longest wait that one call may ask the daemon for; milliseconds. */
const MAX_CALL_MS = 600_000;
/** Two clocks may differ by so much over that. */
const EARLY_MS = 5_000;

/** A file that a wait has seen change. */
export interface ChangedFile {
  readonly dest: string;
  readonly revision: number;
  /** From the revision's commit to the file's swap; undefined: the change was another revision's. */
  readonly latencyMs: number | undefined;
}

/**
 * Waits until the daemon's renderer is done with everything up to a revision, or for `timeoutMs`; on a terminal it shows
 * what it waits for. Fails with `unimplemented` where nothing renders.
 */
export async function awaitRender(
  invocation: Invocation,
  revision: number,
  timeoutMs: number,
): Promise<RenderWaitResponse> {
  const { clock } = invocation.ports;
  const client = await invocation.client();
  const progress = invocation.progress();
  const awaited = progress.enabled ? new AwaitedFiles(client, clock) : undefined;
  progress.show((elapsedMs) => {
    const files = few((awaited?.dests ?? []).map(shownPath));
    const what = files === '' ? '' : `: ${files}`;
    return `waiting for revision ${revision} to be rendered for ${waited(elapsedMs)}${what}`;
  });
  const untilMs = clock.monotonicMs() + timeoutMs;
  try {
    for (;;) {
      const leftMs = Math.max(1, Math.round(untilMs - clock.monotonicMs()));
      const askedMs = Math.min(leftMs, MAX_CALL_MS);
      const response = await client.renderWait(revision, askedMs);
      // A daemon that stops gives up early: asking it again would be a busy loop.
      const gaveUp = untilMs - clock.monotonicMs() > leftMs - askedMs + EARLY_MS;
      if (!response.timedOut || leftMs <= MAX_CALL_MS || gaveUp) return response;
    }
  } finally {
    awaited?.close();
    progress.done();
  }
}

/** Whether a call failed because nothing renders where it went. */
export function isWithoutRenderer(error: unknown): boolean {
  return error instanceof ConfetdError && error.code === 'unimplemented';
}

/** `out/nginx.conf  rev 7  1.7 ms` */
export function fileLines(files: readonly ChangedFile[]): string {
  const names = files.map(({ dest }) => shownPath(dest));
  const width = Math.max(...names.map(({ length }) => length));
  const line = ({ revision, latencyMs }: ChangedFile, at: number): string => {
    const latency = latencyMs === undefined ? '' : `  ${milliseconds(latencyMs)}`;
    return `${(names[at] ?? '').padEnd(width)}  rev ${revision}${latency}\n`;
  };
  return files.map(line).join('');
}

export function filesJson(files: readonly ChangedFile[]): Json {
  return files.map(({ dest, revision, latencyMs }) => ({ dest, revision, latency_ms: latencyMs ?? null }));
}

/** Relative where that is shorter to read: below the folder that this client runs in. */
export function shownPath(dest: string): string {
  const path = relative(process.cwd(), dest);
  return path === '' || path.startsWith('..') ? dest : path;
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}
