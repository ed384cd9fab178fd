import { byteLength, bytesOf, byteText, compareBytes } from '../../base/byte-text.js';
import { base64Fault } from './base64.js';
import { goQuote } from './fmt/quote.js';
import { parseJson, writeJson } from './json.js';
import { wholeNumber } from './numbers.js';
import { writeToml } from './toml.js';
import { define, type FunctionContext, FunctionError, hint } from './types.js';
import { describe, isAbsent, isList, isMap, newMap, type Value, type ValueMap } from './values.js';
import { writeYaml } from './yaml.js';

/** Maps, lists, and text that stands for them. */
export const dataFunctions = [
  define({
    name: 'json',
    params: ['text'],
    run: ({ language }, text) => parseJson(text, language, 'object') ?? newMap([]),
  }),
  define({
    name: 'jsonArray',
    kind: 'list',
    params: ['text'],
    run: ({ language }, text) => parseJson(text, language, 'array') ?? [],
  }),
  define({ name: 'fromJson', params: ['text'], run: ({ language }, text) => parseJson(text, language) }),
  define({
    name: 'toJson',
    params: ['any'],
    yields: 'text',
    run: (context, value) => writeJson(context, value),
  }),
  define({
    name: 'toJSON',
    params: ['any'],
    yields: 'text',
    run: (context, value) => writeJson(context, value),
  }),
  define({
    name: 'toYAML',
    params: ['any'],
    yields: 'text',
    run: (context, value) => writeYaml(context, value),
  }),
  define({
    name: 'toTOML',
    params: ['any'],
    yields: 'text',
    run: (context, value) => writeToml(context, value),
  }),
  define({
    name: 'toPrettyJson',
    params: ['any'],
    yields: 'text',
    run: (context, value) => writeJson(context, value, '  '),
  }),
  define({ name: 'map', params: [], rest: 'any', run: (context, ...entries) => mapOf(context, entries) }),
  define({ name: 'dict', params: [], rest: 'any', run: (context, ...entries) => mapOf(context, entries) }),
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
    run: (_, map) => Object.keys(map).sort(compareBytes),
  }),
  define({
    name: 'values',
    kind: 'list',
    params: ['map'],
    run: (_, map) =>
      Object.keys(map)
        .sort(compareBytes)
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
      if (typeof value === 'string') return byteLength(value);
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
    name: 'slice',
    params: ['any'],
    optional: ['int', 'int'],
    run: (_, value, from, to) => {
      if (typeof value !== 'string' && !isList(value))
        throw new FunctionError(`${describe(value)} has no parts`);
      const length = typeof value === 'string' ? byteLength(value) : value.length;
      const begin = from ?? 0;
      const end = to ?? length;
      if (begin < 0 || end > length || begin > end) {
        throw new FunctionError(`slice ${begin} to ${end} is out of range (there are ${length})`);
      }
      return typeof value === 'string'
        ? byteText(bytesOf(value).subarray(begin, end))
        : value.slice(begin, end);
    },
  }),
  define({
    name: 'base64Encode',
    params: ['text'],
    yields: 'text',
    run: (context, text) => {
      context.reserve(text.length * 2);
      return bytesOf(text).toString('base64');
    },
  }),
  define({
    name: 'base64Decode',
    params: ['text'],
    yields: 'text',
    run: (context, text) => {
      const at = base64Fault(text);
      if (at === undefined) return byteText(Buffer.from(text, 'base64'));
      throw new FunctionError(
        `illegal base64 data at input byte ${at}${hint(context, 'standard base64 with its padding was expected')}`,
      );
    },
  }),
  define({
    name: 'parseBool',
    kind: 'boolean',
    params: ['text'],
    yields: 'boolean',
    run: (context, text) => {
      if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
      if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
      const fault = `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`;
      throw new FunctionError(fault + hint(context, 'true or false was expected'));
    },
  }),
];

function mapOf(context: FunctionContext, entries: readonly Value[]): ValueMap {
  if (entries.length % 2 !== 0) {
    throw new FunctionError(`invalid map call${hint(context, 'a value is missing after the last key')}`);
  }
  const pairs: [string, Value][] = [];
  for (let at = 0; at < entries.length; at += 2) {
    const key = entries[at];
    if (typeof key !== 'string') {
      throw new FunctionError(`map keys must be strings${hint(context, `not ${describe(key)}`)}`);
    }
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
  if (!isList(value) && typeof value !== 'string') {
    const what = isAbsent(value) ? 'an absent value' : describe(value);
    throw new FunctionError(`${what} can't be indexed by ${describe(step)}`);
  }
  const place = wholeNumber(step);
  if (place === undefined) {
    throw new FunctionError(`a list is indexed by a whole number, not by ${describe(step)}`);
  }
  const elements = typeof value === 'string' ? bytesOf(value) : value;
  if (place < 0 || place >= elements.length) {
    throw new FunctionError(`index out of range: ${place} (there are ${elements.length}, counted from 0)`);
  }
  return elements[place];
}
