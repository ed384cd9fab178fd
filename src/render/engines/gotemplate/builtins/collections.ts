import { byteLength, bytesOf, byteText } from '../../../../base/byte-text.js';
import { typeName } from '../../../functions/fmt/format.js';
import { FunctionError } from '../../../functions/types.js';
import { isList, isMap, listType, typedList, Uint, type Value } from '../../../functions/values.js';
import { type GoFunction, variadic } from './go-function.js';

/** A place in something of this capacity, which itself is allowed here. */
function position(index: Value, capacity: number): number {
  const place = index instanceof Uint ? index.value : index;
  if (place === undefined || place === null) throw new FunctionError('cannot index slice/array with nil');
  if (typeof place === 'bigint') throw new FunctionError(`index out of range: ${place}`);
  if (typeof place !== 'number' || !Number.isInteger(place)) {
    throw new FunctionError(`cannot index slice/array with type ${typeName(place)}`);
  }
  if (place < 0 || place > capacity) throw new FunctionError(`index out of range: ${place}`);
  return place;
}

function element(item: Value, index: Value): Value {
  if (item === null || item === undefined) throw new FunctionError('index of nil pointer');
  if (typeof item === 'string') {
    const bytes = bytesOf(item);
    const byte = bytes[position(index, bytes.length)];
    if (byte === undefined) throw new FunctionError('reflect: string index out of range');
    return new Uint(byte, 8);
  }
  if (isList(item)) {
    const place = position(index, item.length);
    if (place === item.length) throw new FunctionError('reflect: slice index out of range');
    return item[place];
  }
  if (!isMap(item)) throw new FunctionError(`can't index item of type ${typeName(item)}`);
  if (index === undefined || index === null)
    throw new FunctionError('value is nil; should be of type string');
  if (typeof index !== 'string')
    throw new FunctionError(`value has type ${typeName(index)}; should be string`);
  return Object.hasOwn(item, index) ? item[index] : null;
}

function slice(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw new FunctionError('slice of untyped nil');
  if (indexes.length > 3) throw new FunctionError(`too many slice indexes: ${indexes.length}`);
  const content = typeof item === 'string' ? bytesOf(item) : item;
  if (typeof item === 'string' && indexes.length === 3)
    throw new FunctionError('cannot 3-index slice a string');
  if (!Buffer.isBuffer(content) && !isList(content)) {
    throw new FunctionError(`can't slice item of type ${typeName(item)}`);
  }
  const { length } = content;
  const [from = 0, to = length, capacity = length] = indexes.map((index) => position(index, length));
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new FunctionError(`invalid slice index: ${to} > ${capacity}`);
  if (Buffer.isBuffer(content)) return byteText(content.subarray(from, to));
  return typedList(listType(content), content.slice(from, to));
}

export const collectionBuiltins: readonly GoFunction[] = [
  variadic('index', ['value'], 'value', (_, [item, ...indexes]) => {
    if (item === undefined || item === null) throw new FunctionError('index of untyped nil');
    return indexes.reduce<Value>(element, item);
  }),
  variadic('slice', ['value'], 'value', (_, [item, ...indexes]) => slice(item, indexes)),
  {
    name: 'len',
    fixed: ['value'],
    variadic: undefined,
    run: (_, [item]) => {
      if (typeof item === 'string') return byteLength(item);
      if (item === null) throw new FunctionError('len of nil pointer');
      if (item === undefined) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
      if (isList(item)) return item.length;
      if (isMap(item)) return Object.keys(item).length;
      throw new FunctionError(`len of type ${typeName(item)}`);
    },
  },
  {
    name: 'reverse',
    fixed: ['interface {}'],
    variadic: undefined,
    // As confd's, it hands on what is no list; unlike it, it turns the answer of gets around too.
    run: (_, [list]) => (isList(list) ? typedList(listType(list), list.toReversed()) : list),
  },
  variadic('call', ['value'], 'value', (_, [item]) => {
    if (item === undefined || item === null) throw new FunctionError('call of nil');
    throw new FunctionError(`non-function of type ${typeName(item)}`);
  }),
];
