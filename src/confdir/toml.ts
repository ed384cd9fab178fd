// Not the whole package, which has streams and a writer, too: 3 ms of a one-shot.
import parse from '@iarna/toml/parse-string.js';
import { messageOf } from '../base/errors.js';
import { type Place, placeAt } from './positions.js';

export type TomlTable = Readonly<Record<string, unknown>>;

export type Parsed =
  | { readonly table: TomlTable; readonly fault?: never }
  | { readonly table?: never; readonly fault: Place & { readonly message: string } };

/** Reads TOML. Never throws: a fault has the place and a sentence. */
export function parseToml(text: string): Parsed {
  try {
    return { table: parse(text) };
  } catch (error) {
    const offset = faultAt(error) ?? faultyLine(text);
    return { fault: { ...placeAt(text, offset), message: explain(text, offset, messageOf(error)) } };
  }
}

/** Offset of a fault. The parser's own row and column disagree with each other; its `pos`, from 1, is exact. */
function faultAt(error: unknown): number | undefined {
  return error instanceof Error && 'pos' in error && typeof error.pos === 'number'
    ? Math.max(0, error.pos - 1)
    : undefined;
}

/**
 * Start of the line with a fault that came without a position (impossible dates do): the first line up to which the text
 * fails in that way. The parser reads from front to back, so halving finds it.
 */
function faultyLine(text: string): number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsWithoutPosition(text.slice(0, ends[middle]))) high = middle;
    else low = middle + 1;
  }
  return low === 0 ? 0 : (ends[low - 1] ?? 0);
}

function failsWithoutPosition(text: string): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    return faultAt(error) === undefined;
  }
}

function explain(text: string, offset: number, message: string): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const line = /^[^\n]*/.exec(text.slice(lineStart, lineStart + 1000))?.[0] ?? '';
  const number = /^\s*([\w-]+)\s*=\s*[+-]?(0\d+)/.exec(line);
  if (number !== null) {
    const [, key, digits] = number;
    if (key === 'mode') return `mode: TOML numbers can't begin with 0: write mode = "${digits}"`;
    return `${key}: TOML numbers can't begin with 0: write the number without it, or text in quotes`;
  }
  const bare = /^\s*([\w-]+)\s*=\s*([A-Za-z/.][^"'[\]{}#,=\\]*?)\s*$/.exec(line);
  if (bare !== null && !/^(?:true|false|inf|nan)$/.test(bare[2] ?? '')) {
    return `${bare[1]}: text needs quotes: write ${bare[1]} = "${bare[2]}"`;
  }
  const reason = (message.split('\n')[0] ?? '').replace(/ at row \d+, col \d+, pos \d+:$/, '');
  return `not valid TOML: ${reason}`;
}
