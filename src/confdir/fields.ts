import { parseDuration } from '../base/duration.js';
import type { CommandSpec } from '../command/types.js';
import type { KeyPath, Place, Positions } from './positions.js';
import type { TomlTable } from './toml.js';
import type { Problem } from './types.js';

/**
 * The keys of one table, read by type. Each wrong value becomes a {@link Problem} that says what was expected, and
 * reads as undefined; so does a key that is missing.
 */
export class Fields {
  readonly #table: TomlTable;
  readonly #path: KeyPath;
  readonly #file: string;
  readonly #positions: Positions;
  readonly #problems: Problem[];
  readonly #known = new Set<string>();

  constructor(table: TomlTable, path: KeyPath, file: string, positions: Positions, problems: Problem[]) {
    this.#table = table;
    this.#path = path;
    this.#file = file;
    this.#positions = positions;
    this.#problems = problems;
  }

  /** Of the table's header. */
  get place(): Place {
    return this.#positions.key(this.#path) ?? UNKNOWN;
  }

  has(key: string): boolean {
    this.#known.add(key);
    return Object.hasOwn(this.#table, key);
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') return this.#expected(key, `text in quotes, such as ${key} = "…"`, value);
    return this.#noNul(key, value);
  }

  /** Text that says something. */
  name(key: string): string | undefined {
    const value = this.text(key);
    if (value === '') return this.error(key, `${key} is empty: leave it out, or write a value`);
    return value;
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) {
      return this.#expected(key, `a list of texts, such as ${key} = ["/a", "/b"]`, value);
    }
    for (const [at, item] of value.entries()) {
      if (typeof item !== 'string') return this.#expected(key, 'text in quotes', item, at);
    }
    return value.every((item) => this.#noNul(key, item) !== undefined) ? value : undefined;
  }

  command(key: string): CommandSpec | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string') {
      if (value.trim() === '') return this.error(key, `${key} is empty: leave it out, or write a command`);
      return this.#noNul(key, value);
    }
    const words = `a command in quotes (for /bin/sh) or a list of words, such as ${key} = ["nginx", "-t"]`;
    if (!Array.isArray(value)) return this.#expected(key, words, value);
    for (const [at, item] of value.entries()) {
      if (typeof item !== 'string') return this.#expected(key, 'text in quotes', item, at);
    }
    if (value.length === 0 || value[0] === '')
      return this.error(key, `${key} names no program: expected ${words}`);
    return value.every((word) => this.#noNul(key, word) !== undefined) ? value : undefined;
  }

  /** Milliseconds, from a Go duration or a whole number of seconds. */
  duration(key: string, least: 'zero' | 'positive' = 'positive'): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const words = `a duration such as ${key} = "10s" or "1m30s", or a whole number of seconds`;
    let ms: number | undefined;
    if (typeof value === 'string') ms = wholeMilliseconds(value);
    else if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) ms = value * 1000;
    if (ms === undefined) return this.#expected(key, words, value);
    if (ms === 0 && least === 'positive') return this.error(key, `${key} is 0: expected ${words}`);
    if (ms > MAX_DURATION_MS) return this.error(key, `${key} is longer than 24h, the most there is`);
    return ms;
  }

  integer(key: string, least: number, most: number): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    // The parser wraps what passes 64 bits: the text says what was meant.
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
      if (typeof value === 'number' && value >= least && value <= most) return value;
      const written = this.#positions.raw([...this.#path, key]) || String(value);
      return this.error(key, `${key} is ${written}: expected a number from ${least} to ${most}`);
    }
    return this.#expected(key, `a whole number from ${least} to ${most}, without quotes`, value);
  }

  boolean(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.#expected(key, 'true or false, without quotes', value);
  }

  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    return found ?? this.#expected(key, choices.map((choice) => `"${choice}"`).join(' or '), value);
  }

  /** Permission bits, from octal text; without its leading 0 it is octal all the same, with a warning. */
  mode(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && /^0?[0-7]{3,4}$/.test(value)) {
      if (!value.startsWith('0')) {
        this.#tell(
          'warning',
          this.#valuePlace(key),
          `${key} = "${value}" is read as octal: write ${key} = "0${value}"`,
        );
      }
      return Number.parseInt(value, 8);
    }
    if (typeof value === 'string') return this.#expected(key, `octal text such as ${key} = "0644"`, value);
    const digits = /^(?:0o)?([0-7]{3,4})$/.exec(this.#positions.raw([...this.#path, key]))?.[1];
    return this.error(
      key,
      `${key} must be octal text: write ${key} = "${digits?.padStart(4, '0') ?? '0644'}"`,
    );
  }

  /** A table inside this one. */
  table(key: string, example: string): Fields | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (!isTable(value)) return this.#expected(key, `a table such as ${key} = ${example}`, value);
    return new Fields(value, [...this.#path, key], this.#file, this.#positions, this.#problems);
  }

  /** `[[key]]` tables. */
  tables(key: string): readonly Fields[] {
    const value = this.#take(key);
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every(isTable)) {
      this.error(key, `${key} must be a list of tables: write [[${key}]]`);
      return [];
    }
    return value.map(
      (table, at) => new Fields(table, [...this.#path, key, at], this.#file, this.#positions, this.#problems),
    );
  }

  /** Every key that no reader asked for is an error. `elsewhere` may say where such a key belongs. */
  refuseUnknown(elsewhere?: (key: string) => string | undefined): void {
    for (const key of Object.keys(this.#table)) {
      if (this.#known.has(key)) continue;
      const near = [...this.#known].find((known) => distance(known, key) <= 2);
      const hint =
        elsewhere?.(key) ?? (near === undefined ? `known are ${this.#list()}` : `did you mean ${near}?`);
      const shown = JSON.stringify(key.slice(0, 64)).slice(1, -1);
      this.#tell(
        'error',
        this.#positions.key([...this.#path, key]) ?? this.place,
        `unknown key ${shown}: ${hint}`,
      );
    }
  }

  /** Tells an error at a key's value, or at the table where the key is missing. */
  error(key: string, message: string): undefined {
    this.#tell('error', this.#valuePlace(key), message);
    return undefined;
  }

  warning(key: string, message: string): void {
    this.#tell('warning', this.#valuePlace(key), message);
  }

  #list(): string {
    return [...this.#known].join(', ');
  }

  #take(key: string): unknown {
    return this.has(key) ? this.#table[key] : undefined;
  }

  #valuePlace(key: string): Place {
    return this.#positions.value([...this.#path, key]) ?? this.place;
  }

  /** No path, key or argument can hold one. */
  #noNul(key: string, value: string): string | undefined {
    return value.includes('\0') ? this.error(key, `${key} holds a NUL character: remove it`) : value;
  }

  #expected(key: string, words: string, value: unknown, index?: number): undefined {
    const place = index === undefined ? undefined : this.#positions.value([...this.#path, key, index]);
    const what = index === undefined ? key : `${key}[${index}]`;
    this.#tell('error', place ?? this.#valuePlace(key), `${what} is ${kindOf(value)}: expected ${words}`);
    return undefined;
  }

  #tell(severity: 'error' | 'warning', place: Place, message: string): void {
    if (this.#problems.length >= MAX_PROBLEMS) return;
    this.#problems.push({ severity, file: this.#file, line: place.line, column: place.column, message });
  }
}

const UNKNOWN: Place = { line: 0, column: 0 };
/** A file: more of them help nobody. */
const MAX_PROBLEMS = 50;
/** Timers overflow at 24.8 days; nobody waits that long for a command. */
const MAX_DURATION_MS = 24 * 3_600_000;

export function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 40 ? 'other text' : `the text ${JSON.stringify(value)}`;
  }
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  return 'a table';
}

/** Optimal string alignment distance; keys longer than any of ours are far from all. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

/** Rounded up, so that no positive duration becomes none; undefined: it isn't one, or is negative. */
function wholeMilliseconds(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined || ms < 0 ? undefined : Math.ceil(ms);
}
