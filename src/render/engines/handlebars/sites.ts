import { ConfetdError, messageOf } from '../../../base/errors.js';
import { NeedError } from '../../functions/needs.js';
import { FunctionError } from '../../functions/types.js';

/** A place in a template; line and column count from 1. `text` is what stands there, for errors. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** The places that a compiled template's calls refer to by number: one table for a template and its partials. */
export class Sites {
  readonly #sites: Site[] = [];

  add(site: Site): number {
    return this.#sites.push(site) - 1;
  }

  at(number: number): Site {
    return this.#sites[number] ?? { file: '', line: 0, column: 0, text: '' };
  }
}

/** A `template` error with its place in front. */
export function failure(site: Site, message: string, cause?: unknown): ConfetdError {
  return new ConfetdError('template', `${site.file}:${site.line}:${site.column}: ${message}`, { cause });
}

/** Anything thrown while a call ran, as an error with its place; what has one already, or asks for data, passes. */
export function located(error: unknown, site: Site, what: string): Error {
  if (error instanceof ConfetdError || error instanceof NeedError) return error;
  const begin = what === '' ? '' : `${what}: `;
  if (error instanceof FunctionError) return failure(site, begin + error.message, error);
  if (error instanceof RangeError) return failure(site, `${begin}too deeply nested, or too large`, error);
  return failure(site, begin + messageOf(error), error);
}
