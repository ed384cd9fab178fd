import type { Value } from '../../functions/values.js';
import type { Run } from './run.js';

/** A variable that wasn't declared yet. */
export const UNSET = Symbol('not declared');

/** One call of a template: its dot and its variables. */
export class Frame {
  readonly run: Run;
  dot: Value;
  /** The dot came out of a list or a map as it is: for Go it is an `interface {}`. Matters to errors only. */
  dotBoxed = false;
  readonly variables: (Value | typeof UNSET)[];
  /** The same of variables; those that loops declare. */
  readonly boxed: boolean[] = [];

  constructor(run: Run, dot: Value, variables: number) {
    this.run = run;
    this.dot = dot;
    this.variables = [dot];
    while (this.variables.length < variables) this.variables.push(UNSET);
  }
}

/** How a statement ended. */
export type Signal = typeof NEXT | typeof BREAK | typeof CONTINUE;
export const NEXT = 0;
export const BREAK = 1;
export const CONTINUE = 2;

/** A statement, compiled. */
export type Step = (frame: Frame) => Signal;
/** An expression, compiled. `undefined` is no value at all, `null` Go's nil in an `interface {}`. */
export type Evaluate = (frame: Frame) => Value;
/** A command of a pipeline; `final` is the value of the command before it. */
export type Command = (frame: Frame, final: Value) => Value;
