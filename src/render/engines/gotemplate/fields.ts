import { fieldsOf } from '../../functions/fmt/format.js';
import { layoutTime } from '../../functions/fmt/time.js';
import { isMap, KeyValue, ServiceRecord, type Time, type Value } from '../../functions/values.js';
import type { GoFunction } from './builtins/go-function.js';
import { showTypeOf } from './go-types.js';
import type { Run } from './run.js';

/** `.Name` of a value: a struct's field, a map's entry (nothing where there is none), a time's method without arguments. */
export function fieldOf(run: Run, receiver: Value, name: string, boxed: boolean): Value {
  if (receiver === undefined) return undefined;
  if (receiver === null) return run.fail(`nil pointer evaluating interface {}.${name}`);
  if (receiver instanceof KeyValue) {
    if (name === 'Key') return receiver.key;
    if (name === 'Value') return receiver.value;
  } else if (receiver instanceof ServiceRecord) {
    const field = fieldsOf(receiver).find(([known]) => known === name);
    if (field !== undefined) return field[1];
  } else if (isMap(receiver)) {
    return Object.hasOwn(receiver, name) ? receiver[name] : undefined;
  }
  return run.fail(`can't evaluate field ${name} in type ${showTypeOf(receiver, boxed)}`);
}

/** Whether what {@link fieldOf} gave is an `interface {}` for Go. */
export function boxes(receiver: Value): boolean {
  return isMap(receiver);
}

/** Why a field can't be called; undefined: it is no field. */
export function refusesArguments(receiver: Value, name: string): string | undefined {
  if (receiver instanceof KeyValue || receiver instanceof ServiceRecord) {
    if (receiver instanceof KeyValue && name !== 'Key' && name !== 'Value') return undefined;
    return `${name} has arguments but cannot be invoked as function`;
  }
  return isMap(receiver) ? `${name} is not a method but has arguments` : undefined;
}

/** Go's methods of a time that make sense in a file. The receiver comes before the arguments. */
export const timeMethods: ReadonlyMap<string, GoFunction> = new Map(
  [
    method('Format', (time, layout) => layoutTime(time.unixMs, layout), true),
    method('String', (time) => layoutTime(time.unixMs, '2006-01-02 15:04:05.999999999 -0700 MST')),
    method('Unix', (time) => Math.floor(time.unixMs / 1000)),
    method('UnixMilli', (time) => time.unixMs),
    method('UnixNano', (time) => BigInt(time.unixMs) * 1_000_000n),
    method('Year', (time) => Number(layoutTime(time.unixMs, '2006'))),
    method('Month', (time) => layoutTime(time.unixMs, 'January')),
    method('Day', (time) => Number(layoutTime(time.unixMs, '2'))),
    method('Weekday', (time) => layoutTime(time.unixMs, 'Monday')),
    method('YearDay', (time) => Number(layoutTime(time.unixMs, '002'))),
    method('Hour', (time) => Number(layoutTime(time.unixMs, '15'))),
    method('Minute', (time) => Number(layoutTime(time.unixMs, '4'))),
    method('Second', (time) => Number(layoutTime(time.unixMs, '5'))),
    method('Nanosecond', (time) => (((time.unixMs % 1000) + 1000) % 1000) * 1_000_000),
    method('UTC', (time) => time),
    method('Local', (time) => time),
  ].map((entry) => [entry.name, entry]),
);

function method(name: string, body: (time: Time, text: string) => Value, takesText = false): GoFunction {
  return {
    name,
    fixed: takesText ? ['string'] : [],
    variadic: undefined,
    run: (_, [time, text]) => body(time as Time, text as string),
  };
}
