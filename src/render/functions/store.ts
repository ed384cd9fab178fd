import { sortAsBytes } from '../../base/byte-text.js';
import type { Pair } from '../../source/types.js';
import { compileGlob } from './glob.js';
import { define, type FunctionContext, FunctionError, hint } from './types.js';
import { KeyValue } from './values.js';

/** Questions to the store. Each is remembered by the key view as a dependency, the ones without an answer too. */
export const storeFunctions = [
  define({
    name: 'exists',
    kind: 'boolean',
    params: ['text'],
    yields: 'boolean',
    run: ({ keys }, key) => keys.get(key) !== undefined,
  }),
  define({
    name: 'get',
    params: ['text'],
    yields: 'pair',
    run: (context, key) => {
      const { keys } = context;
      const pair = keys.get(key);
      if (pair !== undefined) return new KeyValue(pair.key, pair.value);
      if (keys.missingKey === 'zero') return new KeyValue(key, '');
      throw missing(context, key);
    },
  }),
  define({
    name: 'gets',
    kind: 'list',
    params: ['text'],
    yields: 'pairs',
    run: (context, pattern) => {
      return matching(context, pattern).map((pair) => new KeyValue(pair.key, pair.value));
    },
  }),
  define({
    name: 'getv',
    params: ['text'],
    optional: ['text'],
    yields: 'text',
    run: (context, key, fallback) => {
      const { keys } = context;
      const value = keys.get(key)?.value ?? fallback ?? (keys.missingKey === 'zero' ? '' : undefined);
      if (value === undefined) throw missing(context, key);
      return value;
    },
  }),
  define({
    name: 'getvs',
    kind: 'list',
    params: ['text'],
    yields: 'texts',
    run: (context, pattern) => {
      return sortAsBytes(matching(context, pattern).map((pair) => pair.value));
    },
  }),
  // confd answers `ls ""` and `lsdir "/"` with nothing, and `ls "/"` with the leaves alone. Old templates see that.
  define({
    name: 'ls',
    kind: 'list',
    params: ['text'],
    yields: 'texts',
    run: ({ keys, language }, path) => {
      if (language === 'handlebars' || (path !== '' && path !== '/')) return keys.ls(path);
      return path === '' ? [] : keys.ls('/').filter((name) => keys.get(`/${name}`) !== undefined);
    },
  }),
  define({
    name: 'lsdir',
    kind: 'list',
    params: ['text'],
    yields: 'texts',
    run: ({ keys, language }, path) =>
      language === 'handlebars' || (path !== '' && path !== '/') ? keys.lsdir(path) : [],
  }),
];

/** Go's error doesn't name the pattern. */
function matching({ keys, language }: FunctionContext, pattern: string): readonly Pair[] {
  try {
    compileGlob(pattern);
  } catch (error) {
    throw language === 'go' ? new FunctionError('syntax error in pattern', { cause: error }) : error;
  }
  return keys.glob(pattern);
}

function missing(context: FunctionContext, key: string): FunctionError {
  const slash = key.startsWith('/') ? '' : hint(context, `a key begins with a slash, as in "/${key}"`);
  return new FunctionError(`key does not exist: ${key}${slash}`);
}
