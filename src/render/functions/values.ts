/**
 * What templates compute with. Both engines share these values: Go's int is an {@link Int}, its float64 a
 * {@link Float64}, so that `.tmpl` prints 1000000 from JSON as 1e+06 and from `atoi` as 1000000. Handlebars makes
 * no difference between the two. A bigint, {@link Uint} and {@link Complex128} are met in Go templates only.
 */
export type Value =
  | undefined
  | null
  | string
  | number
  | bigint
  | boolean
  | Float64
  | Uint
  | Complex128
  | Time
  | KeyValue
  | ServiceRecord
  | readonly Value[]
  | ValueMap;

/** Without a prototype, so that no name can reach one. */
export interface ValueMap {
  readonly [key: string]: Value;
}

/** A 64-bit integer: a number where that is exact, else a bigint. */
export type Int = number | bigint;

export function asInt(value: bigint): Int {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A byte of a text (uint8), or a port of a service record (uint16). */
export class Uint {
  readonly value: number;
  readonly bits: 8 | 16;

  constructor(value: number, bits: 8 | 16) {
    this.value = value;
    this.bits = bits;
  }
}

/** What `2i` is. */
export class Complex128 {
  readonly real: number;
  readonly imaginary: number;

  constructor(real: number, imaginary: number) {
    this.real = real;
    this.imaginary = imaginary;
  }
}

/** A floating-point number: what JSON's numbers are. */
export class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A point in time; unix milliseconds. Shown in UTC. */
export class Time {
  readonly unixMs: number;

  constructor(unixMs: number) {
    this.unixMs = unixMs;
  }
}

/** A key and its value: own fields, and nothing else. */
export class KeyValue {
  readonly key: string;
  readonly value: string;

  constructor(key: string, value: string) {
    this.key = key;
    this.value = value;
  }
}

/** One answer of `lookupSRV`. */
export class ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;

  constructor(target: string, port: number, priority: number, weight: number) {
    this.target = target;
    this.port = port;
    this.priority = priority;
    this.weight = weight;
  }
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

const ELEMENTS = Symbol("a list's type in Go");

/** Marks a list as one of Go's typed slices (`[]string`), which Go templates tell apart. Handlebars doesn't. */
export function typedList(type: string, list: readonly Value[]): readonly Value[] {
  (list as { [ELEMENTS]?: string })[ELEMENTS] = type;
  return list;
}

/** A list's type in Go. */
export function listType(list: readonly Value[]): string {
  return (list as { [ELEMENTS]?: string })[ELEMENTS] ?? '[]interface {}';
}

/** A map made by `map`, `dict` or JSON; not a pair. */
export function isMap(value: Value): value is ValueMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !isList(value) &&
    !(value instanceof KeyValue) &&
    !(value instanceof Float64) &&
    !(value instanceof Time) &&
    !(value instanceof ServiceRecord) &&
    !(value instanceof Uint) &&
    !(value instanceof Complex128)
  );
}

export function isAbsent(value: Value): value is undefined | null {
  return value === undefined || value === null;
}

export function newMap(entries: Iterable<readonly [string, Value]>): ValueMap {
  const map: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) map[key] = value;
  return map;
}

/** Go's template truth: false, 0, absent, and whatever is empty, are false. */
export function isTrue(value: Value): boolean {
  if (value instanceof Float64 || value instanceof Uint) return value.value !== 0;
  if (value instanceof Complex128) return value.real !== 0 || value.imaginary !== 0;
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** What a value is, in words, for errors: `the text "x"`, `a list`, `the number 3`. */
export function describe(value: Value): string {
  if (isAbsent(value)) return 'absent';
  if (typeof value === 'string') return `the text ${JSON.stringify(shorten(value))}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  if (value instanceof Float64 || value instanceof Uint) return `the number ${value.value}`;
  if (value instanceof Complex128) return 'a complex number';
  if (value instanceof Time) return 'a time';
  if (value instanceof KeyValue) return `the pair of ${JSON.stringify(shorten(value.key))}`;
  if (value instanceof ServiceRecord) return 'a service record';
  if (isList(value)) return 'a list';
  return 'a map';
}

/** Values may be secrets and long: an error shows their beginning only. */
function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
