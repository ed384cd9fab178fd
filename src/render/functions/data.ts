import { parseJson, writeJson } from './json.js';
import { define, FunctionError } from './types.js';
import { describe, isList, isMap, newMap, type Value, type ValueMap } from './values.js';

/** Maps, lists, and text that stands for them. */
export const dataFunctions = [
  define({
    name: 'json',
    params: ['text'],
    run: (_, text) => {
      const value = parseJson(text);
      if (!isMap(value) && value !== null)
        throw new FunctionError(`a JSON object was expected, not ${describe(value)}`);
      return value ?? newMap([]);
    },
  }),
  define({
    name: 'jsonArray',
    kind: 'list',
    params: ['text'],
    run: (_, text) => {
      const value = parseJson(text);
      if (!isList(value) && value !== null)
        throw new FunctionError(`a JSON array was expected, not ${describe(value)}`);
      return value ?? [];
    },
  }),
  define({ name: 'fromJson', params: ['text'], run: (_, text) => parseJson(text) }),
  define({ name: 'toJson', params: ['any'], yields: 'text', run: (_, value) => writeJson(value) }),
  define({
    name: 'toPrettyJson',
    params: ['any'],
    yields: 'text',
    run: (_, value) => writeJson(value, '  '),
  }),
  define({ name: 'map', params: [], rest: 'any', run: (_, ...entries) => mapOf(entries) }),
  define({ name: 'dict', params: [], rest: 'any', run: (_, ...entries) => mapOf(entries) }),
  define({ name: 'list', kind: 'list', params: [], rest: 'any', run: (_, ...items) => items }),
  define({
    name: 'hasKey',
    kind: 'boolean',
    params: ['map', 'text'],
    yields: 'boolean',
    run: (_, map, key) => Object.hasOwn(map, key),
  }),
  define({
    name: 'keys',
    kind: 'list',
    params: ['map'],
    yields: 'texts',
    run: (_, map) => Object.keys(map).sort(),
  }),
  define({
    name: 'values',
    kind: 'list',
    params: ['map'],
    run: (_, map) =>
      Object.keys(map)
        .sort()
        .map((key) => map[key]),
  }),
  define({
    name: 'append',
    kind: 'list',
    params: ['list', 'any'],
    run: (context, list, item) => {
      context.reserve(list.length + 1);
      return [...list, item];
    },
  }),
  define({
    name: 'pluck',
    kind: 'list',
    params: ['text'],
    rest: 'map',
    run: (_, key, ...maps) => maps.filter((map) => Object.hasOwn(map, key)).map((map) => map[key]),
  }),
  define({
    name: 'len',
    params: ['any'],
    yields: 'number',
    run: (_, value) => {
      if (typeof value === 'string') return Buffer.byteLength(value);
      if (isList(value)) return value.length;
      if (isMap(value)) return Object.keys(value).length;
      throw new FunctionError(`${describe(value)} has no length`);
    },
  }),
  define({
    name: 'index',
    params: ['any'],
    rest: 'any',
    run: (_, value, ...steps) => steps.reduce<Value>(element, value),
  }),
  define({
    name: 'base64Encode',
    params: ['text'],
    yields: 'text',
    run: (context, text) => {
      context.reserve(text.length * 2);
      return Buffer.from(text).toString('base64');
    },
  }),
  define({
    name: 'base64Decode',
    params: ['text'],
    yields: 'text',
    run: (_, text) => {
      // Go skips line breaks and refuses all else that Buffer would pass over.
      const compact = text.replace(/[\r\n]/g, '');
      if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
        throw new FunctionError('illegal base64 data: standard base64 with its padding was expected');
      }
      return Buffer.from(compact, 'base64').toString();
    },
  }),
  define({
    name: 'parseBool',
    kind: 'boolean',
    params: ['text'],
    yields: 'boolean',
    run: (_, text) => {
      if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
      if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
      throw new FunctionError(`parsing ${JSON.stringify(text)}: invalid syntax: true or false was expected`);
    },
  }),
];

function mapOf(entries: readonly Value[]): ValueMap {
  if (entries.length % 2 !== 0) {
    throw new FunctionError('invalid map call: a value is missing after the last key');
  }
  const pairs: [string, Value][] = [];
  for (let at = 0; at < entries.length; at += 2) {
    const key = entries[at];
    if (typeof key !== 'string') throw new FunctionError(`map keys must be strings, not ${describe(key)}`);
    pairs.push([key, entries[at + 1]]);
  }
  return newMap(pairs);
}

/** A list's element, counted from 0, a map's by its key (absent where there is none), or a text's byte, as in Go. */
function element(value: Value, step: Value): Value {
  if (isMap(value)) {
    if (typeof step !== 'string')
      throw new FunctionError(`a map is indexed by text, not by ${describe(step)}`);
    return Object.hasOwn(value, step) ? value[step] : undefined;
  }
  if (!isList(value) && typeof value !== 'string')
    throw new FunctionError(`${describe(value)} can't be indexed`);
  if (typeof step !== 'number' || !Number.isInteger(step)) {
    throw new FunctionError(`a list is indexed by a whole number, not by ${describe(step)}`);
  }
  const elements = typeof value === 'string' ? Buffer.from(value) : value;
  if (step < 0 || step >= elements.length) {
    throw new FunctionError(`index out of range: ${step} (there are ${elements.length}, counted from 0)`);
  }
  return elements[step];
}
