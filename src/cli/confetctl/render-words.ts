import { formatDuration } from '../../base/duration.js';
import type { CommandStatus } from '../../proto/generated/render.js';
import { EXIT, ExitError } from '../exit-error.js';
import type { Json } from '../output/go-json.js';

/** `3m2s` */
export function ago(unixMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - unixMs) / 1000));
  return formatDuration(seconds * 1000);
}

/** `2026-11-21T12:00:00Z` */
export function instant(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Of an error's text. */
export function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ');
}

/** null: never. */
export function timeJson(unixMs: number): Json {
  return unixMs === 0 ? null : new Date(unixMs).toISOString();
}

/** null: it never ran. */
export function commandJson(status: CommandStatus | undefined): Json {
  if (status === undefined || status.at === 0) return null;
  return {
    at: timeJson(status.at),
    ok: status.ok,
    outcome: status.outcome,
    duration_ms: status.durationMs,
  };
}

/** What a command that has no other formats makes of --write-out. */
export function textOrJson<T>(name: string, text: T, json: T): T {
  if (name === 'simple' || name === 'table') return text;
  if (name === 'json') return json;
  throw new ExitError(EXIT.badFeature, `${name} not supported as output format`);
}
