import type { CommandSpec } from './types.js';

/** What `{{.src}}` and `{{.dest}}` (or `{{src}}` and `{{dest}}`) of a command stand for. */
export interface Placeholders {
  readonly src: string;
  readonly dest: string;
}

/**
 * Replaces the two placeholders and nothing else. In a list of words they are put in as they are. In a string for
 * /bin/sh they are quoted for the quotes they stand in, so that a path with a blank or a `$` stays one word; quotes
 * inside `$(…)` inside double quotes are read as part of the outer ones.
 */
export function substitute(spec: CommandSpec, placeholders: Placeholders): CommandSpec {
  if (typeof spec !== 'string') {
    return spec.map((word) =>
      word.replace(PLACEHOLDER, (_all, name: string) => meaningOf(name, placeholders)),
    );
  }
  let result = '';
  let quotes: Quotes = 'none';
  let last = 0;
  for (const match of spec.matchAll(PLACEHOLDER)) {
    const before = spec.slice(last, match.index);
    quotes = quotesAfter(before, quotes);
    result += before + quote(meaningOf(match[1] ?? '', placeholders), quotes);
    last = match.index + match[0].length;
  }
  return result + spec.slice(last);
}

const PLACEHOLDER = /\{\{\s*\.?(src|dest)\s*\}\}/g;

type Quotes = 'none' | 'single' | 'double';

function meaningOf(name: string, { src, dest }: Placeholders): string {
  return name === 'src' ? src : dest;
}

/** Which quotes are open after a piece of shell text. */
function quotesAfter(text: string, before: Quotes): Quotes {
  let quotes = before;
  for (let at = 0; at < text.length; at++) {
    const unit = text[at];
    if (unit === '\\' && quotes !== 'single') at++;
    else if (unit === "'" && quotes !== 'double') quotes = quotes === 'single' ? 'none' : 'single';
    else if (unit === '"' && quotes !== 'single') quotes = quotes === 'double' ? 'none' : 'double';
  }
  return quotes;
}

function quote(value: string, quotes: Quotes): string {
  if (/^[\w@%+=:,./-]+$/.test(value)) return value;
  if (quotes === 'double') return value.replace(/[\\"$`]/g, '\\$&');
  const inner = value.replaceAll("'", "'\\''");
  return quotes === 'single' ? inner : `'${inner}'`;
}
