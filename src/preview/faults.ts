import { basename } from 'node:path';
import type { Problem, Resource } from '../confdir/types.js';

/** `FILE:LINE:COLUMN: sentence`, as Handlebars' engine and conf.d's reader have it; the column may be missing. */
const PLACED = /^(\/[^\n]*?):(\d+)(?::(\d+))?: (.*)$/s;
/** Go's sentences, which name a template by the last part of its path. */
const GO = /(?:^|[\s,])template: ([^\s:]+):(\d+)(?::(\d+))?: /;

/** An error's sentence as a problem, at the place that it names; where it names none, at the resource. */
export function problemOf(
  message: string,
  { position, srcPath }: Pick<Resource, 'position' | 'srcPath'>,
): Problem {
  const severity = 'error';
  const placed = PLACED.exec(message);
  if (placed !== null) {
    const [, file = '', line, column = '0', sentence = ''] = placed;
    return { severity, file, line: Number(line), column: Number(column), message: sentence };
  }
  const go = GO.exec(message);
  const [, name, line, column = '0'] = go ?? [];
  // Of a file that it includes only the name is known.
  if (name === basename(srcPath))
    return { severity, file: srcPath, line: Number(line), column: Number(column), message };
  return { severity, ...position, message };
}
