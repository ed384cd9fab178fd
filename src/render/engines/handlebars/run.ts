import { ConfetdError } from '../../../base/errors.js';
import { Ledger } from '../../functions/needs.js';
import { type FunctionContext, FunctionError } from '../../functions/types.js';
import type { Value } from '../../functions/values.js';
import type { KeyView, RenderContext } from '../../types.js';

/** Partials in partials, as long as their data leads on. */
const MAX_PARTIALS = 32;
/** Steps between two looks at the clock. */
const TICKS = 64;

/** Calls a partial of the template by its name. */
export type Include = (name: string, data: Value) => string;

/** One render: what its calls see, and its limits. */
export class Run implements FunctionContext {
  readonly language = 'handlebars';
  readonly keys: KeyView;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
  readonly needs: Ledger;
  readonly include: Include;
  readonly #context: RenderContext;
  /** Characters given out so far: of every value printed, whether or not it is part of the text in the end. */
  #size = 0;
  #ticks = 0;
  #partials = 0;

  constructor(context: RenderContext, include: Include) {
    this.keys = context.keys;
    this.env = context.env;
    this.nowMs = context.nowMs;
    this.needs = new Ledger(context.answers);
    this.include = include;
    this.#context = context;
  }

  readonly reserve = (size: number): void => {
    if (size > this.#context.maxBytes) throw this.#tooLarge();
  };

  readonly tick = (): void => {
    if (++this.#ticks % TICKS === 0) this.checkDeadline();
  };

  /** Counts what is printed. */
  printed(size: number): void {
    this.#size += size;
    if (this.#size > this.#context.maxBytes) throw this.#tooLarge();
  }

  checkDeadline(): void {
    if (this.#context.monotonicMs() > this.#context.deadlineMs) {
      throw new FunctionError('the render was given up at its deadline: it loops over too much');
    }
  }

  enterPartial(): void {
    this.checkDeadline();
    if (this.#partials >= MAX_PARTIALS) {
      throw new FunctionError(
        `more than ${MAX_PARTIALS} partials in one another: do they include themselves?`,
      );
    }
    this.#partials++;
  }

  leavePartial(): void {
    this.#partials--;
  }

  /** The whole text: bytes, where the checks on the way counted characters. */
  checkText(text: string): void {
    const { maxBytes, src } = this.#context;
    if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
      throw new ConfetdError('template', `${src}:1:1: ${this.#tooLarge().message}`);
    }
  }

  #tooLarge(): FunctionError {
    return new FunctionError(`the output passes its limit of ${this.#context.maxBytes} bytes`);
  }
}
