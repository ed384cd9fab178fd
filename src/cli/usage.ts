import { formatDuration } from '../base/duration.js';
import type { FlagSet, FlagSpec } from './flags.js';

/** The flags with their defaults, one a line, aligned. */
export function flagLines(flags: FlagSet): string {
  const rows = Object.entries(flags).map(([name, spec]): [string, string] => {
    const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
    return [`  ${short}--${name}${placeholder(spec)}`, spec.usage];
  });
  const width = Math.min(44, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}\n`).join('');
}

function placeholder(spec: FlagSpec): string {
  switch (spec.kind) {
    case 'boolean':
      return spec.default ? '=true' : '';
    case 'duration':
      return `=${formatDuration(spec.default)}`;
    case 'list':
      return `=${spec.default.join(spec.separator ?? ',')}`;
    case 'integer':
      return `=${spec.default}`;
    case 'string':
      return `=${JSON.stringify(spec.default)}`;
  }
}
