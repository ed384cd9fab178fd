import { parseDuration } from '../base/duration.js';
import { ConfetdError } from '../base/errors.js';

interface Common {
  readonly usage: string;
  /** One letter: `-w` for `--write-out`. */
  readonly short?: string;
  /** Other names by which it is known. */
  readonly aliases?: readonly string[];
}

/** One flag, as data. A list may be given several times, and each time several values between separators. */
export type FlagSpec =
  | (Common & {
      readonly kind: 'string';
      readonly default: string;
      readonly oneOf?: readonly string[];
      /** What it is worth where none of `oneOf` follows: its value may be left out. */
      readonly bare?: string;
    })
  | (Common & { readonly kind: 'boolean'; readonly default: boolean })
  | (Common & {
      readonly kind: 'integer';
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    })
  | (Common & {
      readonly kind: 'duration';
      /** Milliseconds. */
      readonly default: number;
      /** What a bare number counts; without it, a unit must be given. */
      readonly bareUnit?: 'ms' | 's';
    })
  | (Common & {
      readonly kind: 'list';
      readonly default: readonly string[];
      readonly separator?: string;
      /** Given several times, the last one counts alone, as etcd's URL flags have it. */
      readonly lastWins?: boolean;
    });

export type FlagSet = Readonly<Record<string, FlagSpec>>;

interface Kinds {
  readonly string: string;
  readonly boolean: boolean;
  readonly integer: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly list: readonly string[];
}

export type FlagValue = Kinds[keyof Kinds];

/** What the flags of a set are worth, each by its kind. */
export type FlagValues<Flags extends FlagSet> = {
  readonly [Name in keyof Flags]: Kinds[Flags[Name]['kind']];
};

/** Flags as they were given, before defaults, and what else the command line holds. */
export interface GivenFlags {
  /** By the flag's own name; a list has every value. */
  readonly given: ReadonlyMap<string, FlagValue>;
  readonly rest: readonly string[];
  /** How many of `rest` came before a `--`; undefined: there was none. */
  readonly restBeforeDashes: number | undefined;
  /** `-h`, `-help` or `--help`. */
  readonly help: boolean;
}

export interface ParseOptions {
  /** Flags may follow arguments, as in pflag; without it the first argument ends them, as in Go's flag. */
  readonly interspersed?: boolean;
}

/**
 * Reads Go-style flags: `-x`, `--x`, `-x=v`, `-x v`, booleans bare or `=v`; short ones also as `-wjson`; `--` ends them.
 * No abbreviations. Throws a `usage` error that names the flag.
 */
export function parseFlags(flags: FlagSet, argv: readonly string[], options: ParseOptions = {}): GivenFlags {
  const names = namesOf(flags);
  const given = new Map<string, FlagValue>();
  const rest: string[] = [];
  let restBeforeDashes: number | undefined;
  let help = false;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') {
      restBeforeDashes = rest.length;
      rest.push(...argv.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      if (options.interspersed !== true) {
        rest.push(...argv.slice(at));
        break;
      }
      rest.push(word);
      continue;
    }
    const { name, shown, attached } = split(word, names, flags);
    if (name === undefined) {
      if (/^--?(h|help)$/.test(word)) {
        help = true;
        continue;
      }
      throw new ConfetdError('usage', `unknown flag: ${shown}`);
    }
    const spec = flags[name];
    if (spec === undefined) throw new ConfetdError('usage', `unknown flag: ${shown}`);
    let text = attached;
    if (text === undefined) {
      if (spec.kind === 'boolean') text = 'true';
      else if (spec.kind === 'string' && spec.bare !== undefined && !spec.oneOf?.includes(argv[at + 1] ?? ''))
        text = spec.bare;
      else {
        at++;
        text = argv[at];
        if (text === undefined) throw new ConfetdError('usage', `flag needs an argument: ${shown}`);
      }
    }
    const value = convert(spec, text, `for flag ${shown}`);
    const adds = spec.kind === 'list' && spec.lastWins !== true;
    given.set(name, adds ? [...asList(given.get(name)), ...asList(value)] : value);
  }
  return { given, rest, restBeforeDashes, help };
}

/** Turns text into a flag's value. Throws a `usage` error; `where` says where the text stands (`for flag --x`). */
export function convert(spec: FlagSpec, text: string, where: string): FlagValue {
  const bad = (expected: string): ConfetdError =>
    new ConfetdError('usage', `invalid value ${JSON.stringify(text)} ${where}: expected ${expected}`);
  switch (spec.kind) {
    case 'string':
      if (spec.oneOf !== undefined && !spec.oneOf.includes(text))
        throw bad(`one of ${spec.oneOf.join(', ')}`);
      return text;
    case 'boolean': {
      const value = parseBool(text);
      if (value === undefined) throw bad('true or false');
      return value;
    }
    case 'integer': {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (!Number.isSafeInteger(value)) throw bad('a whole number');
      if (spec.min !== undefined && value < spec.min) throw bad(`at least ${spec.min}`);
      if (spec.max !== undefined && value > spec.max) throw bad(`at most ${spec.max}`);
      return value;
    }
    case 'duration': {
      const value = parseDuration(text, spec.bareUnit);
      if (value === undefined) throw bad('a duration such as 500ms, 10s or 1m30s');
      return value;
    }
    case 'list':
      return spec.separator === undefined ? [text] : text.split(spec.separator);
  }
}

/** Go's strconv.ParseBool. */
export function parseBool(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return undefined;
}

/** Every name that leads to a flag: its own, its aliases, its letter. */
function namesOf(flags: FlagSet): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(flags)) {
    for (const known of [name, ...(spec.aliases ?? []), ...(spec.short === undefined ? [] : [spec.short])]) {
      names.set(known, name);
    }
  }
  return names;
}

function split(word: string, names: ReadonlyMap<string, string>, flags: FlagSet) {
  const [, dashes = '', body = '', attached] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const name = names.get(body);
  if (name !== undefined) return { name, shown: dashes + body, attached };
  const letter = body.slice(0, 1);
  // `-wjson`: a letter with its value; a long name of one letter more isn't confused with it, since it was found above.
  const short = dashes === '-' && body.length > 1 ? names.get(letter) : undefined;
  // Go's flag package knows no such thing: an alias of one letter takes its value apart.
  if (short === undefined || flags[short]?.short !== letter)
    return { name: undefined, shown: dashes + body, attached };
  return { name: short, shown: `-${letter}`, attached: word.slice(2) };
}

function asList(value: FlagValue | undefined): readonly string[] {
  return Array.isArray(value) ? value : [];
}
