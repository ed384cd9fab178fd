import { ConfetdError } from '../base/errors.js';

/**
 * A pattern of Go's path.Match for names of files (`*`, `?`, `[a-z]`, `\` before a character) as a regular expression.
 * Throws a `usage` error where it is malformed.
 */
export function namePattern(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    if (char === '*') {
      // Several are one: each would multiply the ways to fail.
      if (!source.endsWith(ANY_TEXT)) source += ANY_TEXT;
    } else if (char === '?') source += '.';
    else if (char === '[') {
      const [, not = '', list] = /^\[(\^?)((?:\\.|[^\]\\])+)\]/s.exec(pattern.slice(at)) ?? [];
      if (list === undefined) throw malformed(pattern, 'a [ without its ]');
      source += `[${not}${list.replace(/[[&~|^]/g, '\\$&')}]`;
      at += list.length + not.length + 1;
    } else if (char === '\\') {
      const next = pattern[++at];
      if (next === undefined) throw malformed(pattern, 'a \\ at its end');
      source += literal(next);
    } else source += literal(char);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    throw malformed(pattern, 'a range that ends before it begins');
  }
}

const ANY_TEXT = '.*';

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function malformed(pattern: string, what: string): ConfetdError {
  return new ConfetdError('usage', `--filter ${JSON.stringify(pattern)} is no pattern: it has ${what}`);
}
