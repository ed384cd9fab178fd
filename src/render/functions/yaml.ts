import { createRequire } from 'node:module';
import { messageOf } from '../../base/errors.js';
import { fieldsOf, sortedEntries } from './fmt/format.js';
import { type FunctionContext, FunctionError } from './types.js';
import { asInt, Float64, isList, KeyValue, newMap, ServiceRecord, Time, Uint, type Value } from './values.js';

type Library = typeof import('yaml');

/** Loaded at its first use: 30 ms of a one-shot. */
function library(): Library {
  return createRequire(import.meta.url)('yaml') as Library;
}

/** Values that one text may hold, counting an alias as all that it stands for. */
const MAX_VALUES = 1_000_000;

/** YAML text as values: whole numbers are ints, others floats, all keys of maps are text. */
export function parseYaml(context: FunctionContext, text: string): Value {
  const yaml = library();
  const document = yaml.parseDocument(text, { merge: true, prettyErrors: true, stringKeys: false });
  const [error] = document.errors;
  if (error !== undefined) throw new FunctionError(`yaml: ${error.message.split('\n')[0] ?? ''}`);
  let count = 0;
  const convert = (node: unknown): Value => {
    if (++count > MAX_VALUES) throw new FunctionError(`yaml: more than ${MAX_VALUES} values`);
    context.tick();
    if (yaml.isAlias(node)) return convert(node.resolve(document));
    if (yaml.isMap(node)) {
      return newMap(node.items.map((item) => [keyOf(item.key), convert(item.value)] as const));
    }
    if (yaml.isSeq(node)) return node.items.map(convert);
    if (!yaml.isScalar(node)) return null;
    return scalar(node.value, node.source);
  };
  const keyOf = (node: unknown): string => {
    if (yaml.isScalar(node)) return node.source ?? String(node.value);
    throw new FunctionError('yaml: a key that is a list or a map can not be read');
  };
  try {
    return convert(document.contents);
  } catch (failure) {
    if (failure instanceof FunctionError) throw failure;
    throw new FunctionError(`yaml: ${messageOf(failure)}`, { cause: failure });
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
    indentSeq: false,
    lineWidth: 0,
  });
  context.reserve(text.length);
  return text.trim();
}
