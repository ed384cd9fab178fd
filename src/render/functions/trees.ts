import { compareBytes } from '../../base/byte-text.js';
import type { KeyView } from '../types.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { describe, KeyValue, newMap, type Value, type ValueMap } from './values.js';

/** consul-template's questions to the store. A path may lack its leading slash, as it does there. */
export const treeFunctions = [
  define({
    name: 'keyOrDefault',
    params: ['text', 'text'],
    yields: 'text',
    // The default also stands in for an empty value.
    run: ({ keys }, key, fallback) => keys.get(absolute(key))?.value || fallback,
  }),
  define({
    name: 'safeLs',
    kind: 'list',
    params: ['text'],
    yields: 'pairs',
    run: ({ keys }, path) => refuseEmpty(directlyUnder(keys, folderOf(path)), path),
  }),
  define({
    name: 'tree',
    kind: 'list',
    params: ['text'],
    yields: 'pairs',
    run: (context, path) => everythingUnder(context, folderOf(path)),
  }),
  define({
    name: 'safeTree',
    kind: 'list',
    params: ['text'],
    yields: 'pairs',
    run: (context, path) => refuseEmpty(everythingUnder(context, folderOf(path)), path),
  }),
  define({ name: 'explode', params: ['list'], run: (context, pairs) => exploded(context, pairs.map(pair)) }),
  define({ name: 'byKey', params: ['list'], run: (_, pairs) => groupedByKey(pairs.map(pair)) }),
];

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

/** Without a trailing slash; '' is the top. */
function folderOf(path: string): string {
  return absolute(path).replace(/\/+$/, '');
}

/** The leaves of a folder, under their names. */
function directlyUnder(keys: KeyView, folder: string): KeyValue[] {
  const from = folder.length + 1;
  return keys
    .glob(`${folder.replace(/[\\*?[]/g, '\\$&')}/*`)
    .filter(({ key }) => key.length > from)
    .map(({ key, value }) => new KeyValue(key.slice(from), value));
}

/** All leaves under a folder, by their paths from there, sorted. */
function everythingUnder(context: FunctionContext, top: string): KeyValue[] {
  const { keys } = context;
  const found: KeyValue[] = [];
  const folders = [top];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    context.tick();
    const from = folder.length === top.length ? '' : `${folder.slice(top.length + 1)}/`;
    for (const { key, value } of directlyUnder(keys, folder)) found.push(new KeyValue(from + key, value));
    for (const name of keys.lsdir(folder === '' ? '/' : folder)) folders.push(`${folder}/${name}`);
  }
  return found.sort((a, b) => compareBytes(a.key, b.key));
}

function refuseEmpty(pairs: readonly KeyValue[], path: string): readonly KeyValue[] {
  if (pairs.length === 0) throw new FunctionError(`there is nothing under ${JSON.stringify(path)}`);
  return pairs;
}

function pair(item: Value): KeyValue {
  if (item instanceof KeyValue) return item;
  throw new FunctionError(`a list of pairs was expected, and it holds ${describe(item)}`);
}

type Nested = Record<string, Value>;

/** `a/b` becomes the entry b of the map a. */
function exploded({ language }: FunctionContext, pairs: readonly KeyValue[]): ValueMap {
  const top = newMap([]) as Nested;
  for (const { key, value } of pairs) {
    const names = key.split('/');
    const last = names.pop() ?? '';
    let inner = top;
    for (const name of names) {
      const next = inner[name];
      if (next === undefined) inner[name] = newMap([]);
      else if (typeof next === 'string') {
        throw new FunctionError(
          language === 'go'
            ? `explode: not a map: "${key}": "${name}" already has value "${next}"`
            : `"${key}" can't be an entry of "${name}", which has the value "${next}"`,
        );
      }
      inner = inner[name] as Nested;
    }
    if (last !== '') inner[last] = value;
  }
  return top;
}

/** By the first name of their paths, then by the rest; what has no rest is left out. */
function groupedByKey(pairs: readonly KeyValue[]): ValueMap {
  const groups = newMap([]) as Record<string, Nested>;
  for (const { key, value } of pairs) {
    const slash = key.indexOf('/');
    const rest = key.slice(slash + 1);
    if (slash < 0 || rest === '') continue;
    const name = key.slice(0, slash);
    groups[name] ??= newMap([]) as Nested;
    (groups[name] as Nested)[rest] = new KeyValue(rest, value);
  }
  return newMap(Object.entries(groups).sort(([a], [b]) => compareBytes(a, b)));
}
