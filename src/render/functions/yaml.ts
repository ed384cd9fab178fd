import { createRequire } from 'node:module';
import { fieldsOf, sortedEntries } from './fmt/format.js';
import { type FunctionContext, FunctionError } from './types.js';
import {
  asInt,
  Float64,
  isList,
  isMap,
  KeyValue,
  newMap,
  ServiceRecord,
  Time,
  Uint,
  type Value,
} from './values.js';

type Library = typeof import('yaml');

/** Loaded at its first use: 30 ms of a one-shot. */
function library(): Library {
  return createRequire(import.meta.url)('yaml') as Library;
}

/** Values that one text may hold, counting an alias as all that it stands for. */
const MAX_VALUES = 1_000_000;

/** Lists and maps in one another: an anchor may hold itself. */
const MAX_DEPTH = 100;

/** YAML text as values: whole numbers are ints, others floats, all keys of maps are text. */
export function parseYaml(context: FunctionContext, text: string): Value {
  const yaml = library();
  const document = yaml.parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined)
    throw new FunctionError(`yaml: ${(error.message.split('\n')[0] ?? '').replace(/:$/, '')}`);
  return new Conversion(context, yaml).value(document.contents, 0);
}

/** From the library's nodes to values, in the order of the text. */
class Conversion {
  readonly #context: FunctionContext;
  readonly #yaml: Library;
  /** What stands under an anchor, the last of that name so far. */
  readonly #anchors = new Map<string, unknown>();
  #count = 0;

  constructor(context: FunctionContext, yaml: Library) {
    this.#context = context;
    this.#yaml = yaml;
  }

  value(node: unknown, depth: number): Value {
    const yaml = this.#yaml;
    this.#context.tick();
    if (++this.#count > MAX_VALUES) throw new FunctionError(`yaml: more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new FunctionError(`yaml: more than ${MAX_DEPTH} levels`);
    if (yaml.isAlias(node)) return this.value(this.#anchored(node.source), depth + 1);
    if (yaml.isNode(node) && 'anchor' in node && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node);
    }
    if (yaml.isSeq(node)) return node.items.map((item) => this.value(item, depth + 1));
    if (yaml.isScalar(node)) return scalar(node.value, node.source);
    return yaml.isMap(node) ? this.#map(node.items, depth + 1) : null;
  }

  #map(items: readonly { readonly key: unknown; readonly value: unknown }[], depth: number): Value {
    const entries: [string, Value][] = [];
    /** `<<: *base` gives what the map lacks. */
    const merged: [string, Value][] = [];
    for (const { key, value } of items) {
      const name = this.#key(key);
      const item = this.value(value, depth);
      if (name !== '<<') entries.push([name, item]);
      else
        for (const base of isList(item) ? item : [item])
          if (isMap(base)) merged.push(...Object.entries(base));
    }
    return newMap([...merged.reverse(), ...entries]);
  }

  #key(node: unknown): string {
    if (this.#yaml.isScalar(node)) return node.source ?? String(node.value);
    throw new FunctionError('yaml: a key that is a list or a map can not be read');
  }

  #anchored(name: string): unknown {
    if (this.#anchors.has(name)) return this.#anchors.get(name);
    throw new FunctionError(`yaml: unknown anchor '${name}' referenced`);
  }
}

function scalar(value: unknown, source: string | undefined): Value {
  if (typeof value === 'number') {
    const whole = Number.isSafeInteger(value) && !/[.eE]/.test(source?.replace(/^0x.*/i, '') ?? '');
    return whole ? value : new Float64(value);
  }
  if (typeof value === 'bigint') return asInt(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return null;
}

/** A value as YAML, its maps in the order of their keys. */
export function writeYaml(context: FunctionContext, value: Value): string {
  let size = 0;
  const plain = (item: Value): unknown => {
    context.tick();
    context.reserve(++size);
    if (item instanceof Float64 || item instanceof Uint) return item.value;
    if (item instanceof Time) return new Date(item.unixMs).toISOString();
    if (isList(item)) return item.map(plain);
    if (item instanceof KeyValue || item instanceof ServiceRecord) {
      return new Map(fieldsOf(item).map(([name, field]) => [name.toLowerCase(), plain(field)]));
    }
    if (typeof item === 'object' && item !== null) {
      return new Map(sortedEntries(item).map(([name, field]) => [name, plain(field)]));
    }
    return item ?? null;
  };
  const text = library().stringify(plain(value), {
    aliasDuplicateObjects: false,
    // Many readers are of YAML 1.1, to which a plain `on` is true and 12:30 a number: those are quoted.
    compat: 'yaml-1.1',
    indentSeq: false,
    lineWidth: 0,
  });
  context.reserve(text.length);
  return text.trim();
}
