import { typeName } from '../../functions/fmt/format.js';
import { Float64, isList, isMap, listType, newMap, typedList, type Value } from '../../functions/values.js';

/**
 * A parameter's type, as Go's errors name it. `value` is what takes anything and even nothing (reflect.Value); `list`
 * is any slice.
 */
export type GoType =
  | 'string'
  | 'int'
  | 'bool'
  | 'float64'
  | 'interface {}'
  | 'value'
  | 'list'
  | '[]string'
  | '[]interface {}'
  | '[]memkv.KVPair'
  | 'map[string]interface {}';

export function showType(type: GoType): string {
  if (type === 'value') return 'reflect.Value';
  return type === 'list' ? '[]interface {}' : type;
}

/** Whether `nil` may be given for it. */
export function takesNil(type: GoType): boolean {
  return type !== 'string' && type !== 'int' && type !== 'bool' && type !== 'float64';
}

/** What a parameter gets for `nil`, or for a value that isn't there. */
export function nilOf(type: GoType): Value {
  if (type === 'interface {}') return null;
  if (type === 'map[string]interface {}') return newMap([]);
  if (type === 'list' || type === '[]interface {}') return [];
  return type === '[]string' || type === '[]memkv.KVPair' ? typedList(type, []) : undefined;
}

/** Whether a value that is there may be given for it. */
export function fits(value: Value, type: GoType): boolean {
  switch (type) {
    case 'value':
    case 'interface {}':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    case 'bool':
      return typeof value === 'boolean';
    case 'float64':
      return value instanceof Float64;
    case 'list':
      return isList(value);
    case '[]memkv.KVPair':
      return isList(value) && ['[]memkv.KVPair', 'memkv.KVPairs'].includes(listType(value));
    case '[]string':
    case '[]interface {}':
      return isList(value) && listType(value) === type;
    case 'map[string]interface {}':
      return isMap(value);
  }
}

/** The type of a value; `interface {}` for one that came out of a list or a map and wasn't looked at yet. */
export function showTypeOf(value: Value, boxed: boolean): string {
  return boxed || value === null ? 'interface {}' : typeName(value);
}
