import type { Value } from '../values.js';
import { type Formatted, formatPlain, formatValue, type Spec, typeName } from './format.js';

/** How an argument is seen under a verb, before it is formatted. */
export type Adapt = (verb: string, value: Value) => Value;

/**
 * Go's fmt.Sprintf, with its faults: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA int=1)`, `%!z(int=1)`, `%!(NOVERB)`,
 * `%!(BADINDEX)`, `%!(BADWIDTH)`, `%!(BADPREC)`.
 */
export function sprintf(
  format: string,
  args: readonly Value[],
  adapt: Adapt = (_verb, value) => value,
): Formatted {
  return new Printer(format, args, adapt).run();
}

/** Go's fmt.Sprint: a blank between two arguments where neither is text. */
export function sprint(args: readonly Value[]): string {
  let text = '';
  args.forEach((arg, index) => {
    if (index > 0 && typeof arg !== 'string' && typeof args[index - 1] !== 'string') text += ' ';
    text += formatPlain(arg);
  });
  return text;
}

/** Go's fmt.Sprintln: a blank between all, a line feed at the end. */
export function sprintln(args: readonly Value[]): string {
  return `${args.map(formatPlain).join(' ')}\n`;
}

/** Go's bound on widths and precisions. */
const MAX_WIDTH = 1_000_000;

class Printer {
  readonly #format: string;
  readonly #args: readonly Value[];
  readonly #adapt: Adapt;
  readonly #faults: string[] = [];
  #at = 0;
  #next = 0;
  /** An explicit index was used: then unused arguments are no fault. */
  #indexed = false;
  #badIndex = false;

  constructor(format: string, args: readonly Value[], adapt: Adapt) {
    this.#format = format;
    this.#args = args;
    this.#adapt = adapt;
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
      text += this.#verb();
    }
    if (!this.#indexed && this.#next < this.#args.length) {
      const extra = this.#args
        .slice(this.#next)
        .map((arg) => (arg === undefined || arg === null ? '<nil>' : `${typeName(arg)}=${formatPlain(arg)}`));
      text += this.#fault(`%!(EXTRA ${extra.join(', ')})`);
    }
    return { text, faults: this.#faults };
  }

  #verb(): string {
    this.#badIndex = false;
    const flags = this.#flags();
    let minus = flags.has('-');
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
    if (this.#peek() === '.') {
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
    if (!afterIndex) afterIndex = this.#index();

    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) return bad + this.#fault('%!(NOVERB)');
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    if (verb === '%') return `${bad}%`;
    if (this.#badIndex) return bad + this.#fault(`%!${verb}(BADINDEX)`);
    if (this.#next >= this.#args.length) return bad + this.#fault(`%!${verb}(MISSING)`);
    const spec: Spec = {
      verb,
      plus: flags.has('+'),
      minus,
      sharp: flags.has('#'),
      space: flags.has(' '),
      zero: flags.has('0') && !minus,
      width,
      precision,
    };
    const formatted = formatValue(spec, this.#adapt(verb, this.#args[this.#next++]));
    this.#faults.push(...formatted.faults);
    return bad + formatted.text;
  }

  #flags(): Set<string> {
    const flags = new Set<string>();
    for (let flag = this.#peek(); flag !== '' && '+-# 0'.includes(flag); flag = this.#peek()) {
      flags.add(flag);
      this.#at++;
    }
    return flags;
  }

  /** `[3]`: the next argument is the third. */
  #index(): boolean {
    if (this.#peek() !== '[') return false;
    this.#indexed = true;
    const end = this.#format.indexOf(']', this.#at);
    const index = end < 0 ? Number.NaN : Number(this.#format.slice(this.#at + 1, end));
    this.#at = end < 0 ? this.#at + 1 : end + 1;
    if (Number.isInteger(index) && index >= 1 && index <= this.#args.length) this.#next = index - 1;
    else this.#badIndex = true;
    return true;
  }

  #star(): number | undefined {
    const arg = this.#args[this.#next];
    if (this.#next < this.#args.length) this.#next++;
    return typeof arg === 'number' && Number.isInteger(arg) && Math.abs(arg) <= MAX_WIDTH ? arg : undefined;
  }

  #number(): number | undefined {
    const begin = this.#at;
    while (/[0-9]/.test(this.#peek())) this.#at++;
    if (this.#at === begin) return undefined;
    const number = Number(this.#format.slice(begin, this.#at));
    return number <= MAX_WIDTH ? number : undefined;
  }

  #peek(): string {
    return this.#format.charAt(this.#at);
  }

  #fault(text: string): string {
    this.#faults.push(text);
    return text;
  }
}
