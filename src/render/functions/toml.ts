import { formatFloat } from './fmt/float.js';
import { sortedEntries } from './fmt/format.js';
import { type FunctionContext, FunctionError, goPrefix } from './types.js';
import {
  describe,
  Float64,
  isAbsent,
  isList,
  isMap,
  Time,
  Uint,
  type Value,
  type ValueMap,
} from './values.js';

/** A map as TOML: its keys in order, plain values before tables; what is absent is left out. */
export function writeToml(context: FunctionContext, value: Value): string {
  const { language } = context;
  if (!isMap(value))
    throw new FunctionError(`${goPrefix(context, 'toTOML')}a map was expected, not ${describe(value)}`);
  const lines: string[] = [];
  let size = 0;
  const add = (line: string): void => {
    context.tick();
    size += line.length + 1;
    context.reserve(size);
    lines.push(line);
  };
  /** Small values that hold one another many times over can be huge. */
  const count = (written: string): string => {
    context.tick();
    size += written.length;
    context.reserve(size);
    return written;
  };
  const table = (map: ValueMap, path: readonly string[]): void => {
    const entries = sortedEntries(map).filter(([, item]) => !isAbsent(item));
    for (const [name, item] of entries) {
      if (!isTable(item)) add(`${key(name)} = ${inline(item, language, count)}`);
    }
    for (const [name, item] of entries) {
      if (!isTable(item)) continue;
      const inner = [...path, key(name)];
      for (const one of isList(item) ? item : [item]) {
        if (lines.length > 0) add('');
        add(isList(item) ? `[[${inner.join('.')}]]` : `[${inner.join('.')}]`);
        table(one as ValueMap, inner);
      }
    }
  };
  table(value, []);
  return lines.join('\n');
}

/** A map, or a list of nothing but maps. */
function isTable(value: Value): value is ValueMap | readonly Value[] {
  return isMap(value) || (isList(value) && value.length > 0 && value.every(isMap));
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : text(name);
}

/** JSON's escapes are TOML's too, but for the controls that JSON needn't escape. */
function text(value: string): string {
  return JSON.stringify(value).replace(/\x7f/g, '\\u007f');
}

function inline(
  value: Value,
  language: FunctionContext['language'],
  count: (written: string) => string,
): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Float64) return float(value.value, language);
  if (value instanceof Time) return new Date(value.unixMs).toISOString();
  const inner = (item: Value): string => count(inline(item, language, count));
  if (isList(value)) return `[${value.map(inner).join(', ')}]`;
  if (isMap(value)) {
    return `{${sortedEntries(value)
      .map(([name, item]) => `${key(name)} = ${inner(item)}`)
      .join(', ')}}`;
  }
  throw new FunctionError(`toTOML: ${describe(value)} can not be written in TOML`);
}

/** Go's floats stay floats; Handlebars knows no difference between 8080 and 8080.0, and a port is whole. */
function float(value: number, language: FunctionContext['language']): string {
  if (language === 'handlebars' && Number.isSafeInteger(value)) return String(value);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const digits = formatFloat(value, 'f', -1);
  return digits.includes('.') ? digits : `${digits}.0`;
}
