import { truth } from '../../functions/logic.js';
import { FunctionError } from '../../functions/types.js';
import { describe, isAbsent, isList, isMap, type Value } from '../../functions/values.js';
import type { Run } from './run.js';

/** What Handlebars hands to a block helper. */
export interface BlockOptions {
  readonly data: unknown;
  fn(context: unknown, options?: { data: unknown; blockParams: readonly unknown[] }): string;
  inverse(context: unknown): string;
}

/**
 * `{{#each}}`: a list or a map. `params` is how many block parameters its body uses, in the order of scope.ts. A loop's
 * text is joined as soon as it is complete: kept as the ropes it grew from it would cost more than to make it.
 */
export function each(
  run: Run,
  context: unknown,
  value: Value,
  params: number,
  options: BlockOptions,
): string {
  if (isList(value)) return eachElement(run, context, value, params, options);
  if (isMap(value)) return eachEntry(run, context, value, params, options);
  const text = typeof value === 'string' ? ': (split …) makes a list of it' : '';
  throw new FunctionError(
    `a list or a map was expected, and not ${isAbsent(value) ? 'an absent value' : describe(value)}${text}`,
  );
}

function eachElement(
  run: Run,
  context: unknown,
  list: readonly Value[],
  params: number,
  options: BlockOptions,
): string {
  const { data } = options;
  const last = list.length - 1;
  if (last < 0) return options.inverse(context);
  const texts: string[] = [];
  let size = 0;
  for (let index = 0; index <= last; index++) {
    run.tick();
    const item = list[index];
    const blockParams = params === 1 ? [item] : [item, index, index, undefined, index === 0, index === last];
    const text = options.fn(context, { data, blockParams });
    size += text.length;
    run.reserve(size);
    texts.push(text);
  }
  return texts.join('');
}

/** Integer-like keys come first, in their order, then the others as they were added: as JavaScript keeps them. */
function eachEntry(
  run: Run,
  context: unknown,
  map: { readonly [key: string]: Value },
  params: number,
  options: BlockOptions,
): string {
  const { data } = options;
  const keys = Object.keys(map);
  if (keys.length === 0) return options.inverse(context);
  const texts: string[] = [];
  let size = 0;
  keys.forEach((key, index) => {
    run.tick();
    const item = map[key];
    const blockParams =
      params === 1 ? [item] : [item, key, index, key, index === 0, index === keys.length - 1];
    const text = options.fn(context, { data, blockParams });
    size += text.length;
    run.reserve(size);
    texts.push(text);
  });
  return texts.join('');
}

/** `{{#if}}`; `wanted` false is `{{#unless}}`. */
export function when(
  run: Run,
  context: unknown,
  wanted: boolean,
  value: Value,
  options: BlockOptions,
): string {
  return truth(run, value) === wanted ? options.fn(context) : options.inverse(context);
}

/** `{{#with}}`: the else part where there is nothing: absent, false, empty. */
export function withValue(context: unknown, value: Value, options: BlockOptions): string {
  const nothing =
    isAbsent(value) ||
    value === false ||
    value === '' ||
    (isList(value) && value.length === 0) ||
    (isMap(value) && Object.keys(value).length === 0);
  if (nothing) return options.inverse(context);
  return options.fn(context, { data: options.data, blockParams: [value] });
}
