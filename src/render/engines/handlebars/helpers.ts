import { functions } from '../../functions/registry.js';
import { FunctionError, type TemplateFunction } from '../../functions/types.js';
import {
  describe,
  isAbsent,
  isList,
  isMap,
  KeyValue,
  newMap,
  ServiceRecord,
  type Value,
} from '../../functions/values.js';
import { convert } from './arguments.js';
import { type BlockOptions, each, when, withValue } from './blocks.js';
import { printLine, printText, type Written } from './print.js';
import type { Run } from './run.js';
import { located, type Sites } from './sites.js';

/** Called by the compiled template: a site's number, the arguments, and Handlebars' options at the end. */
export type Helper = (this: unknown, site: number, ...rest: readonly never[]) => unknown;

/** The render that is under way; the helpers of a template are made once. */
export interface Running {
  run: Run | undefined;
}

/** Every name that the strict pass calls: `#` begins none that a template could write. */
export const helperNames: readonly string[] = [
  '#print',
  '#raw',
  '#field',
  '#enter',
  '#each',
  '#if',
  '#unless',
  '#with',
  ...[...functions.keys()].map((name) => `#call:${name}`),
];

/** The helpers of one template. Without a prototype, so that only these names are found. */
export function makeHelpers(running: Running, sites: Sites): Record<string, Helper> {
  const current = (): Run => {
    if (running.run === undefined) throw new Error('a helper was called outside of a render');
    return running.run;
  };
  const helpers: Record<string, Helper> = Object.create(null);
  const block = (
    name: string,
    body: (run: Run, context: unknown, value: Value, options: BlockOptions) => string,
  ): void => {
    helpers[`#${name}`] = function (
      this: unknown,
      site: number,
      value: Value,
      options: BlockOptions,
    ): string {
      try {
        return body(current(), this, value, options);
      } catch (error) {
        throw located(error, sites.at(site), name);
      }
    };
  };
  block('if', (run, context, value, options) => when(run, context, true, value, options));
  block('unless', (run, context, value, options) => when(run, context, false, value, options));
  block('with', (_run, context, value, options) => withValue(context, value, options));

  helpers['#each'] = function (
    this: unknown,
    site: number,
    value: Value,
    params: number,
    options: BlockOptions,
  ): string {
    try {
      return each(current(), this, value, params, options);
    } catch (error) {
      throw located(error, sites.at(site), 'each');
    }
  };

  const printer =
    (print: (value: Value, written: Written) => string) =>
    (site: number, value: Value): string => {
      try {
        const run = current();
        const text = print(value, () => sites.at(site).text);
        run.tick();
        run.printed(text.length);
        return text;
      } catch (error) {
        throw located(error, sites.at(site), '');
      }
    };
  helpers['#print'] = printer(printLine);
  helpers['#raw'] = printer(printText);
  helpers['#field'] = (site: number, of: Value, name: string): Value => {
    try {
      return field(of, name);
    } catch (error) {
      throw located(error, sites.at(site), sites.at(site).text);
    }
  };
  helpers['#enter'] = (site: number, ...rest: readonly Value[]): Value => {
    try {
      // The last is Handlebars' options.
      const data = entered(rest[0], rest.slice(1, -1));
      current().enterPartial();
      return data;
    } catch (error) {
      throw located(error, sites.at(site), sites.at(site).text);
    }
  };
  for (const known of functions.values()) helpers[`#call:${known.name}`] = caller(known, current, sites);
  return helpers;
}

function caller(known: TemplateFunction, current: () => Run, sites: Sites): Helper {
  return (site: number, ...args: Value[]): Value => {
    try {
      const run = current();
      args.pop();
      for (let index = 0; index < args.length; index++) args[index] = convert(known, index, args[index]);
      const result = known.run(run, args);
      if (typeof result === 'string') run.reserve(result.length);
      return result;
    } catch (error) {
      throw located(error, sites.at(site), known.name);
    }
  };
}

/** An own field; absent where there is none. A list's are its positions, counted from 0. */
function field(of: Value, name: string): Value {
  if (isAbsent(of)) return undefined;
  if (isList(of)) {
    if (/^(0|[1-9][0-9]*)$/.test(name)) return of[Number(name)];
    throw new FunctionError(`a list has no field ${name}${name === 'length' ? ': (len …) counts' : ''}`);
  }
  if (of instanceof KeyValue && name !== 'key' && name !== 'value') {
    throw new FunctionError(`a pair has .key and .value, and no .${name}`);
  }
  if (isMap(of) || of instanceof KeyValue || of instanceof ServiceRecord) {
    return Object.hasOwn(of, name) ? (of as { readonly [name: string]: Value })[name] : undefined;
  }
  throw new FunctionError(`${describe(of)} has no field ${name}`);
}

/** A partial's data: a value, with further fields where `name=value` arguments ask for them. */
function entered(data: Value, fields: readonly Value[]): Value {
  if (fields.length === 0) return data;
  if (!isMap(data) && !(data instanceof KeyValue)) {
    throw new FunctionError(
      `name=value arguments need a map or a pair to be added to, and not ${describe(data)}`,
    );
  }
  const added: [string, Value][] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at];
    if (typeof name === 'string') added.push([name, fields[at + 1]]);
  }
  return newMap([...Object.entries(data), ...added]);
}
