import { define, FunctionError } from './types.js';
import { KeyValue, type Value } from './values.js';

/** Lists in another order; the list given stays as it was. */
export const orderFunctions = [
  define({ name: 'reverse', kind: 'list', params: ['list'], run: (_, list) => list.toReversed() }),
  define({
    name: 'sortByLength',
    kind: 'list',
    params: ['list'],
    yields: 'texts',
    run: (_, list) => byLength(list, (item) => (typeof item === 'string' ? item : undefined), 'texts'),
  }),
  define({
    name: 'sortKVByLength',
    kind: 'list',
    params: ['list'],
    yields: 'pairs',
    run: (_, list) => byLength(list, (item) => (item instanceof KeyValue ? item.key : undefined), 'pairs'),
  }),
];

/** By length in bytes, as Go counts; the same length keeps its order. */
function byLength(
  list: readonly Value[],
  textOf: (item: Value) => string | undefined,
  what: string,
): Value[] {
  return list
    .map((item) => {
      const text = textOf(item);
      if (text === undefined) throw new FunctionError(`a list of ${what} was expected`);
      return { item, length: Buffer.byteLength(text) };
    })
    .sort((a, b) => a.length - b.length)
    .map(({ item }) => item);
}
