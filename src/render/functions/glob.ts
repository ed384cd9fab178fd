import { FunctionError } from './types.js';

/** A compiled path.Match pattern. */
export interface Glob {
  /** Every name that matches begins with it. */
  readonly literal: string;
  /** Whether `name`, from offset `from` on, matches as a whole. */
  matches(name: string, from?: number): boolean;
}

/**
 * Go's path.Match: `*` and `?` never match a slash, `[a-z]` and `[^a-z]` are classes, a backslash escapes. Patterns
 * are compiled once and kept. Throws a FunctionError where Go answers ErrBadPattern.
 */
export function compileGlob(pattern: string): Glob {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const glob = compile(pattern);
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(pattern, glob);
  return glob;
}

/** Patterns are often made of service names (`/services/web/*`): room for every service of a large store. */
const CACHE_SIZE = 4096;
const cache = new Map<string, Glob>();

/** One character's worth of pattern. */
type Unit = string | Class | typeof ANY;
interface Class {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [low: string, high: string])[];
}
const ANY = Symbol('any character but a slash');

function compile(pattern: string): Glob {
  // Most patterns are `/services/web/*`, one for each service: those needn't be taken apart.
  const special = pattern.search(SPECIAL);
  if (special < 0) return exactly(pattern);
  if (special === pattern.length - 1 && pattern.endsWith('*')) return directlyUnder(pattern.slice(0, -1));
  const chunks = parse(pattern);
  const [first = []] = chunks;
  let literal = '';
  for (const unit of first) {
    if (typeof unit !== 'string') break;
    literal += unit;
  }
  const allLiteral = first.every((unit) => typeof unit === 'string');
  if (chunks.length === 1 && allLiteral) return exactly(literal);
  if (chunks.length === 2 && allLiteral && chunks[1]?.length === 0) return directlyUnder(literal);
  return { literal, matches: (name, from = 0) => matchChunks(chunks, name, from) };
}

const SPECIAL = /[*?[\\]/;

function exactly(literal: string): Glob {
  return {
    literal,
    matches: (name, from = 0) => name.length - from === literal.length && name.startsWith(literal, from),
  };
}

/** The literal and a star. */
function directlyUnder(literal: string): Glob {
  return {
    literal,
    matches: (name, from = 0) => name.startsWith(literal, from) && !name.includes('/', from + literal.length),
  };
}

/** The pattern's units, cut at its stars: `a*b` is two chunks. Stars that follow one another are one. */
function parse(pattern: string): Unit[][] {
  const chars = Array.from(pattern);
  const chunks: Unit[][] = [[]];
  let at = 0;
  const next = (): string => {
    const char = chars[at++];
    if (char === undefined) throw new FunctionError(`syntax error in pattern ${JSON.stringify(pattern)}`);
    return char;
  };
  const classChar = (): string => {
    const char = next();
    if (char === '\\') return next();
    if (char === '-' || char === ']') {
      throw new FunctionError(`syntax error in pattern ${JSON.stringify(pattern)}`);
    }
    return char;
  };
  while (at < chars.length) {
    const chunk = chunks.at(-1) as Unit[];
    const char = next();
    if (char === '*') {
      if (chunk.length > 0 || chunks.length === 1) chunks.push([]);
    } else if (char === '?') {
      chunk.push(ANY);
    } else if (char === '\\') {
      chunk.push(next());
    } else if (char === '[') {
      const negated = chars[at] === '^';
      if (negated) at++;
      const ranges: [string, string][] = [];
      while (chars[at] !== ']' || ranges.length === 0) {
        const low = classChar();
        if (chars[at] !== '-') {
          ranges.push([low, low]);
          continue;
        }
        at++;
        ranges.push([low, classChar()]);
      }
      at++;
      chunk.push({ negated, ranges });
    } else {
      chunk.push(char);
    }
  }
  return chunks;
}

/**
 * The first chunk is anchored; each later one may begin anywhere before the next slash. Taking the earliest place is
 * what Go does (it matters only where a class matches a slash), so the time is bounded by pattern times name.
 */
function matchChunks(chunks: readonly Unit[][], name: string, from: number): boolean {
  let at = matchChunk(chunks[0] as Unit[], name, from);
  if (at < 0) return false;
  if (chunks.length === 1) return at === name.length;
  for (let index = 1; index < chunks.length; index++) {
    const chunk = chunks[index] as Unit[];
    const last = index === chunks.length - 1;
    let found = -1;
    for (let start = at; start <= name.length; start++) {
      const end = matchChunk(chunk, name, start);
      if (end >= 0 && (!last || end === name.length)) {
        found = end;
        break;
      }
      if (last && chunk.length === 0) {
        if (name.includes('/', start)) return false;
        return true;
      }
      if (name[start] === '/') break;
    }
    if (found < 0) return false;
    at = found;
  }
  return true;
}

/** Where the chunk ends if it matches at `at`, else -1. */
function matchChunk(chunk: readonly Unit[], name: string, at: number): number {
  let here = at;
  for (const unit of chunk) {
    const code = name.codePointAt(here);
    if (code === undefined) return -1;
    const char = String.fromCodePoint(code);
    if (typeof unit === 'string') {
      if (char !== unit) return -1;
    } else if (unit === ANY) {
      if (char === '/') return -1;
    } else {
      const within = unit.ranges.some(
        ([low, high]) => code >= (low.codePointAt(0) as number) && code <= (high.codePointAt(0) as number),
      );
      if (within === unit.negated) return -1;
    }
    here += char.length;
  }
  return here;
}
