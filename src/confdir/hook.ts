import type { Fields } from './fields.js';
import { readSubtrees, type Surroundings } from './resource.js';
import type { Hook } from './types.js';

export const DEFAULT_HOOK_TIMEOUT_MS = 60_000;

/** The keys of a `[[hook]]`, the `number`th of its file counted from 1. Undefined: it names no command. */
export function readHook(fields: Fields, number: number, around: Surroundings): Hook | undefined {
  const { prefix, subtrees } = readSubtrees(fields, around);
  const command = fields.command('command');
  if (!fields.has('command'))
    fields.error('command', 'command is missing: write command = "…" under [[hook]]');
  const timeoutMs = fields.duration('timeout') ?? DEFAULT_HOOK_TIMEOUT_MS;
  fields.refuseUnknown();
  if (command === undefined) return undefined;
  return {
    name: `${around.name}#${number}`,
    position: { file: around.file, ...fields.place },
    prefix,
    subtrees,
    command,
    timeoutMs,
  };
}
