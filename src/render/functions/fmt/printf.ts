import { FunctionError } from '../types.js';
import { isAbsent, Uint, type Value } from '../values.js';
import { type Formatted, formatPlain, formatValue, typeName } from './format.js';
import type { Spec } from './spec.js';

/** How an argument is seen under a verb, before it is formatted. */
export type Adapt = (verb: string, value: Value) => Value;

/**
 * Go's fmt.Sprintf, with its faults: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA int=1)`, `%!z(int=1)`, `%!(NOVERB)`,
 * `%!(BADINDEX)`, `%!(BADWIDTH)`, `%!(BADPREC)`. Throws a FunctionError as soon as the text passes `maxSize`.
 */
export function sprintf(
  format: string,
  args: readonly Value[],
  adapt: Adapt = (_verb, value) => value,
  maxSize = Number.POSITIVE_INFINITY,
): Formatted {
  return new Printer(format, args, adapt, maxSize).run();
}

/** Go's fmt.Sprint: a blank between two arguments where neither is text. */
export function sprint(args: readonly Value[], maxSize = Number.POSITIVE_INFINITY): string {
  let text = '';
  args.forEach((arg, index) => {
    if (index > 0 && typeof arg !== 'string' && typeof args[index - 1] !== 'string') text += ' ';
    text += formatPlain(arg, maxSize - text.length);
  });
  return text;
}

/** Go's fmt.Sprintln: a blank between all, a line feed at the end. */
export function sprintln(args: readonly Value[], maxSize = Number.POSITIVE_INFINITY): string {
  return `${args.map((arg) => formatPlain(arg, maxSize)).join(' ')}\n`;
}

/** Go's bound on widths and precisions. */
const MAX_NUMBER = 1_000_000;

class Printer {
  readonly #format: string;
  readonly #args: readonly Value[];
  readonly #adapt: Adapt;
  readonly #maxSize: number;
  readonly #faults: string[] = [];
  #at = 0;
  #next = 0;
  /** An explicit index was used: then unused arguments are no fault. */
  #indexed = false;
  #badIndex = false;

  constructor(format: string, args: readonly Value[], adapt: Adapt, maxSize: number) {
    this.#format = format;
    this.#args = args;
    this.#adapt = adapt;
    this.#maxSize = maxSize;
  }

  run(): Formatted {
    let text = '';
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at);
      if (percent < 0) {
        text += this.#format.slice(this.#at);
        break;
      }
      text += this.#format.slice(this.#at, percent);
      this.#at = percent + 1;
      text += this.#verb(text.length);
      if (text.length > this.#maxSize)
        throw new FunctionError(`the text passes the limit of ${this.#maxSize} bytes`);
    }
    if (!this.#indexed && this.#next < this.#args.length) {
      const extra = this.#args
        .slice(this.#next)
        .map((arg) => (isAbsent(arg) ? '<nil>' : `${typeName(arg)}=${formatPlain(arg, this.#maxSize)}`));
      text += this.#fault(`%!(EXTRA ${extra.join(', ')})`);
    }
    return { text, faults: this.#faults };
  }

  /** `before`: the size of the text so far. */
  #verb(before: number): string {
    this.#badIndex = false;
    const flags = this.#flags();
    let minus = flags.includes('-');
    let afterIndex = this.#index();
    let bad = '';

    let width: number | undefined;
    if (this.#peek() === '*') {
      this.#at++;
      width = this.#star();
      if (width === undefined) bad += this.#fault('%!(BADWIDTH)');
      if (width !== undefined && width < 0) {
        width = -width;
        minus = true;
      }
      afterIndex = false;
    } else {
      width = this.#number();
      if (afterIndex && width !== undefined) this.#badIndex = true;
    }

    let precision: number | undefined;
    // A point at the very end is the verb.
    if (this.#peek() === '.' && this.#at + 1 < this.#format.length) {
      this.#at++;
      if (afterIndex) this.#badIndex = true;
      afterIndex = this.#index();
      if (this.#peek() === '*') {
        this.#at++;
        precision = this.#star();
        if (precision === undefined || precision < 0) {
          precision = undefined;
          bad += this.#fault('%!(BADPREC)');
        }
        afterIndex = false;
      } else {
        precision = this.#number() ?? 0;
      }
    }
    if (!afterIndex) this.#index();

    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) return bad + this.#fault('%!(NOVERB)');
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    if (verb === '%') return `${bad}%`;
    if (this.#badIndex) return bad + this.#fault(`%!${verb}(BADINDEX)`);
    if (this.#next >= this.#args.length) return bad + this.#fault(`%!${verb}(MISSING)`);
    const plus = flags.includes('+');
    const sharp = flags.includes('#');
    const spec: Spec = {
      verb,
      plus: plus && verb !== 'v',
      minus,
      sharp: sharp && verb !== 'v',
      space: flags.includes(' '),
      zero: flags.includes('0') && !minus,
      width,
      precision,
      named: plus && verb === 'v',
      source: sharp && verb === 'v',
    };
    const formatted = formatValue(spec, this.#adapt(verb, this.#args[this.#next++]), this.#maxSize - before);
    this.#faults.push(...formatted.faults);
    return bad + formatted.text;
  }

  #flags(): string {
    const begin = this.#at;
    for (let flag = this.#peek(); flag !== '' && '+-# 0'.includes(flag); flag = this.#peek()) this.#at++;
    return this.#format.slice(begin, this.#at);
  }

  /** `[3]`: the next argument is the third. Answers whether there was one that could be read. */
  #index(): boolean {
    if (this.#peek() !== '[') return false;
    this.#indexed = true;
    const rest = this.#format.length - this.#at;
    const end = rest < 3 ? -1 : this.#format.indexOf(']', this.#at);
    const digits = end < 0 ? '' : this.#format.slice(this.#at + 1, end);
    this.#at = end < 0 ? this.#at + 1 : end + 1;
    const readable = /^[0-9]+$/.test(digits) && Number(digits) <= 10 * MAX_NUMBER;
    const index = Number(digits);
    if (readable && index >= 1 && index <= this.#args.length) this.#next = index - 1;
    else this.#badIndex = true;
    return readable;
  }

  #star(): number | undefined {
    const arg = this.#args[this.#next];
    if (this.#next < this.#args.length) this.#next++;
    const number = arg instanceof Uint ? arg.value : arg;
    const fits = typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= MAX_NUMBER;
    return fits ? number : undefined;
  }

  /** A crazily long number swallows the rest of the format, as in Go. */
  #number(): number | undefined {
    const begin = this.#at;
    let number = 0;
    for (; /[0-9]/.test(this.#peek()); this.#at++) {
      if (number > MAX_NUMBER) {
        this.#at = this.#format.length;
        return undefined;
      }
      number = number * 10 + Number(this.#peek());
    }
    return this.#at === begin ? undefined : number;
  }

  #peek(): string {
    return this.#format.charAt(this.#at);
  }

  #fault(text: string): string {
    this.#faults.push(text);
    return text;
  }
}
