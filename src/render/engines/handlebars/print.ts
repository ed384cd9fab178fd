import { formatTime } from '../../functions/fmt/time.js';
import { FunctionError } from '../../functions/types.js';
import {
  describe,
  Float64,
  isAbsent,
  isList,
  isMap,
  KeyValue,
  Time,
  type Value,
} from '../../functions/values.js';

/** What begins a new line for some reader of configuration files, and NUL, which ends text for others. */
const LINE_BREAK = /[\0\n\v\f\r\x85\u2028\u2029]/;

/** An expression as it stands in the template; asked for in errors only. */
export type Written = () => string;

/** `{{value}}`: one line of text, so that no key can inject a line. */
export function printLine(value: Value, written: Written): string {
  const text = printText(value, written);
  if (LINE_BREAK.test(text)) {
    throw new FunctionError(
      `${written()} holds a line break or a NUL, which {{…}} refuses: write {{{…}}} to print it as it is`,
    );
  }
  return text;
}

/** `{{{value}}}`: text, a number, true or false. */
export function printText(value: Value, written: Written): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Float64) return String(value.value);
  if (value instanceof Time) return formatTime(value.unixMs);
  if (isAbsent(value))
    throw new FunctionError(`${written()} is absent: give it a default, as in {{default "…" ${written()}}}`);
  if (value instanceof KeyValue)
    throw new FunctionError(`${written()} is a pair: print its .key or its .value`);
  if (isList(value)) {
    throw new FunctionError(
      `${written()} is a list: loop over it with {{#each …}}, or print (join … ",") or (toJson …)`,
    );
  }
  if (isMap(value)) throw new FunctionError(`${written()} is a map: print a field of it, or (toJson …)`);
  throw new FunctionError(`${written()} is ${describe(value)}: print a field of it`);
}
