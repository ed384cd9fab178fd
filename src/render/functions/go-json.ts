import { bytesOf } from '../../base/byte-text.js';
import { goQuote } from './fmt/quote.js';

/** Where a text stops being JSON. */
export interface JsonFault {
  /** What Go's encoding/json says of it. */
  readonly sentence: string;
  /** Offset of the byte that is wrong; undefined: the text ends too early. */
  readonly at: number | undefined;
}

/** Of a text that is not JSON, which V8 has refused already. */
export function jsonFault(text: string): JsonFault {
  return new Scanner(bytesOf(text)).fault();
}

/** Go's name of a JSON value's kind. */
export function jsonKind(parsed: unknown): string {
  if (Array.isArray(parsed)) return 'array';
  if (typeof parsed === 'boolean') return 'bool';
  return parsed === null ? 'null' : typeof parsed;
}

const SPACES = new Set([0x20, 0x09, 0x0d, 0x0a]);
const END = 'unexpected end of JSON input';

/** Thrown where the text stops being JSON. */
class Fault {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Reads JSON byte by byte up to its first mistake. Nesting costs no stack. */
class Scanner {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  fault(): JsonFault {
    try {
      this.#document();
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      // What was refused last was read last.
      const at = this.#at - 1;
      return {
        sentence: fault.message,
        at: fault.message === END || at >= this.#bytes.length ? undefined : at,
      };
    }
    return { sentence: END, at: undefined };
  }

  #document(): void {
    /** What is open: `{` or `[`, the innermost last. */
    const open: string[] = [];
    let wanted: 'value' | 'value or ]' | 'key' | 'key or }' | 'follower' = 'value';
    for (;;) {
      const char = this.#next();
      if (wanted === 'follower') {
        const inner = open.at(-1);
        if (inner === undefined) this.#refuse(char, 'after top-level value');
        if (char === ',') wanted = inner === '{' ? 'key' : 'value';
        else if (char === (inner === '{' ? '}' : ']')) open.pop();
        else this.#refuse(char, inner === '{' ? 'after object key:value pair' : 'after array element');
      } else if (wanted === 'key' || wanted === 'key or }') {
        if (char === '}' && wanted === 'key or }') {
          open.pop();
          wanted = 'follower';
          continue;
        }
        if (char !== '"') this.#refuse(char, 'looking for beginning of object key string');
        this.#string();
        const colon = this.#next();
        if (colon !== ':') this.#refuse(colon, 'after object key');
        wanted = 'value';
      } else if (char === ']' && wanted === 'value or ]') {
        open.pop();
        wanted = 'follower';
      } else if (char === '{' || char === '[') {
        open.push(char);
        wanted = char === '{' ? 'key or }' : 'value or ]';
      } else {
        this.#scalar(char);
        wanted = 'follower';
      }
    }
  }

  #scalar(char: string): void {
    if (char === '"') {
      this.#string();
      return;
    }
    if (char === '-' || isDigit(char)) {
      this.#number(char);
      return;
    }
    for (const literal of ['true', 'false', 'null']) {
      if (!literal.startsWith(char)) continue;
      for (const expected of literal.slice(1)) {
        const found = this.#read();
        if (found !== expected) this.#refuse(found, `in literal ${literal} (expecting '${expected}')`);
      }
      return;
    }
    this.#refuse(char, 'looking for beginning of value');
  }

  #string(): void {
    for (let char = this.#read(); char !== '"'; char = this.#read()) {
      if (this.#at > this.#bytes.length) throw new Fault(END);
      if (char < ' ') this.#refuse(char, 'in string literal');
      if (char !== '\\') continue;
      const mark = this.#read();
      if (mark === 'u') {
        for (let count = 0; count < 4; count++) {
          const digit = this.#read();
          if (!/[0-9a-fA-F]/.test(digit)) this.#refuse(digit, 'in \\u hexadecimal character escape');
        }
      } else if (!'bfnrt\\/"'.includes(mark)) {
        this.#refuse(mark, 'in string escape code');
      }
    }
  }

  #number(first: string): void {
    let char = first;
    if (char === '-') {
      char = this.#read();
      if (!isDigit(char)) this.#refuse(char, 'in numeric literal');
    }
    // A digit after a leading 0 is what follows the number.
    if (char !== '0') this.#digits();
    if (this.#peek() === '.') {
      this.#at++;
      const digit = this.#read();
      if (!isDigit(digit)) this.#refuse(digit, 'after decimal point in numeric literal');
      this.#digits();
    }
    if (this.#peek() === 'e' || this.#peek() === 'E') {
      this.#at++;
      let digit = this.#read();
      if (digit === '+' || digit === '-') digit = this.#read();
      if (!isDigit(digit)) this.#refuse(digit, 'in exponent of numeric literal');
      this.#digits();
    }
  }

  #digits(): void {
    while (isDigit(this.#peek())) this.#at++;
  }

  #peek(): string {
    const byte = this.#bytes[this.#at];
    return byte === undefined ? '' : String.fromCharCode(byte);
  }

  /** At the end Go sees one blank more, which is a mistake inside of a number or a word. */
  #read(): string {
    const char = this.#peek();
    this.#at++;
    return char === '' ? ' ' : char;
  }

  /** The next character that is no blank. */
  #next(): string {
    while (SPACES.has(this.#bytes[this.#at] ?? 0)) this.#at++;
    if (this.#at >= this.#bytes.length) throw new Fault(END);
    return this.#read();
  }

  #refuse(char: string, context: string): never {
    const quoted = char === '"' ? `'"'` : char === "'" ? `'\\''` : `'${goQuote(char).slice(1, -1)}'`;
    throw new Fault(`invalid character ${quoted} ${context}`);
  }
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9';
}
