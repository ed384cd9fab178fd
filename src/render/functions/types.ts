import type { KeyView } from '../types.js';
import type { Ledger } from './needs.js';
import type { Value, ValueMap } from './values.js';

/** What a function call may ask of the render it belongs to. */
export interface FunctionContext {
  /** Both engines share the functions, not the strictness: Handlebars refuses where Go is lenient. */
  readonly language: 'handlebars' | 'go';
  readonly keys: KeyView;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly needs: Ledger;
  /** The limit on the output, in bytes, if the engine tells it. */
  readonly maxSize?: number;
  /** The text of another template of the same folder. */
  include(name: string, data: Value): string;
  /** Call before making `size` characters or elements: fails where that passes the render's limit on output. */
  reserve(size: number): void;
  /** Call in loops: fails after the render's deadline. */
  tick(): void;
}

/** What a call refuses, in a sentence; the engine adds file, line, column and the function's name. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

/** The end of an error's sentence that helps; Go's sentences stay as they are. */
export function hint(context: Pick<FunctionContext, 'language'>, text: string): string {
  return context.language === 'go' ? '' : `: ${text}`;
}

/** consul-template's errors begin with the function's name; those of Handlebars have it already. */
export function goPrefix(context: Pick<FunctionContext, 'language'>, name: string): string {
  return context.language === 'go' ? `${name}: ` : '';
}

/** `int` is a safe integer. An engine gives each argument in its parameter's type, converting as its language does. */
export type ParamType = keyof ParamValues;

export interface ParamValues {
  text: string;
  int: number;
  bool: boolean;
  list: readonly Value[];
  map: ValueMap;
  any: Value;
}

/** A list function used as a Handlebars block is `each`, a boolean one is `if`. */
export type FunctionKind = 'value' | 'list' | 'boolean';

/** What is known of a result before anything runs, so that a wrong field is found at load. */
export type Yields = 'pair' | 'pairs' | 'text' | 'texts' | 'number' | 'numbers' | 'boolean';

/** A function as the engines see it. */
export interface TemplateFunction {
  readonly name: string;
  readonly kind: FunctionKind;
  readonly arity: { readonly min: number; readonly max: number };
  /** Arguments that may be absent values; every other function refuses those in Handlebars. */
  readonly takesAbsent: boolean;
  readonly yields: Yields | undefined;
  /** The type of argument `index`, counted from 0 and below `arity.max`. */
  param(index: number): ParamType;
  /** Throws a {@link FunctionError}. */
  run(context: FunctionContext, args: readonly Value[]): Value;
}

type Required<P extends readonly ParamType[]> = { -readonly [K in keyof P]: ParamValues[P[K]] };
type Optional<P extends readonly ParamType[]> = { -readonly [K in keyof P]?: ParamValues[P[K]] };

interface Definition<P extends readonly ParamType[], O extends readonly ParamType[], R extends ParamType> {
  readonly name: string;
  readonly kind?: FunctionKind;
  readonly params: P;
  /** May be left out, from the last on. */
  readonly optional?: O;
  /** Any number more. */
  readonly rest?: R;
  readonly takesAbsent?: boolean;
  readonly yields?: Yields;
  readonly run: (
    context: FunctionContext,
    ...args: [...Required<P>, ...Optional<O>, ...(readonly ParamValues[R][])]
  ) => Value;
}

/** Declares a function: its parameters' names are types that the body gets, checked by the compiler. */
export function define<
  const P extends readonly ParamType[],
  const O extends readonly ParamType[] = [],
  R extends ParamType = never,
>(definition: Definition<P, O, R>): TemplateFunction {
  const { name, kind = 'value', params, rest } = definition;
  const fixed: readonly ParamType[] = [...params, ...(definition.optional ?? [])];
  // Engines convert arguments to the parameters' types before they call: the one place where that is taken on trust.
  const body = definition.run as unknown as (context: FunctionContext, ...args: readonly Value[]) => Value;
  return {
    name,
    kind,
    arity: { min: params.length, max: rest === undefined ? fixed.length : Number.POSITIVE_INFINITY },
    takesAbsent: definition.takesAbsent ?? false,
    yields: definition.yields,
    param: (index) => fixed[index] ?? rest ?? 'any',
    run: (context, args) => body(context, ...args),
  };
}
