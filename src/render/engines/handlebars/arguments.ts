import { FunctionError, type TemplateFunction } from '../../functions/types.js';
import { describe, Float64, isAbsent, isList, isMap, type Value } from '../../functions/values.js';

/** An argument in its parameter's type; whole numbers may come as decimal text, since that is what a store holds. */
export function convert(known: TemplateFunction, index: number, value: Value): Value {
  if (isAbsent(value)) {
    if (known.takesAbsent) return value;
    throw new FunctionError(`argument ${index + 1} is absent`);
  }
  switch (known.param(index)) {
    case 'any':
      return value;
    case 'text':
      if (typeof value === 'string') return value;
      throw wrong(index, 'text', value);
    case 'int':
      return toInt(index, value);
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw wrong(index, 'true or false', value, typeof value === 'string' ? ': write (parseBool …)' : '');
    case 'list':
      if (isList(value)) return value;
      throw wrong(index, 'a list', value);
    case 'map':
      if (isMap(value)) return value;
      throw wrong(index, 'a map', value);
  }
}

function toInt(index: number, value: Value): number {
  const number = value instanceof Float64 ? value.value : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  if (typeof number === 'string' && /^[+-]?[0-9]+$/.test(number)) {
    const read = Number(number);
    if (Number.isSafeInteger(read)) return read + 0;
  }
  throw wrong(index, 'a whole decimal number', value);
}

function wrong(index: number, wanted: string, value: Value, hint = ''): FunctionError {
  return new FunctionError(`argument ${index + 1} must be ${wanted}, and is ${describe(value)}${hint}`);
}
