import { goQuote, isPrintable } from '../../../functions/fmt/quote.js';
import { isKeyword, type Token, type TokenType } from './tokens.js';

const LEFT = '{{';
const RIGHT = '}}';
/** A minus and the blank that belongs to it. */
const TRIM_MARKER = 2;

/** Reads on and says what to read next; undefined: the end, or an error. */
type State = () => State | undefined;

/** Cuts a template into tokens, one at a time, as Go's text/template does. After an error or the end nothing follows. */
export class Lexer {
  readonly #text: string;
  readonly #ready: Token[] = [];
  #state: State | undefined = () => this.#outside();
  /** Where the token under way began. */
  #start = 0;
  #at = 0;
  #parens = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    while (this.#ready.length === 0 && this.#state !== undefined) this.#state = this.#state();
    return this.#ready.shift() ?? { type: 'error', at: -1, value: '' };
  }

  #emit(type: TokenType): void {
    this.#ready.push({ type, at: this.#start, value: this.#text.slice(this.#start, this.#at) });
    this.#start = this.#at;
  }

  #fail(message: string): undefined {
    this.#ready.push({ type: 'error', at: this.#start, value: message });
  }

  #skip(): void {
    this.#start = this.#at;
  }

  /** The character at the reading position; '' at the end. */
  #peek(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  #read(): string {
    const char = this.#peek();
    this.#at += char.length;
    return char;
  }

  #accept(valid: string): boolean {
    const char = this.#peek();
    if (char === '' || !valid.includes(char)) return false;
    this.#at += char.length;
    return true;
  }

  #acceptRun(valid: string): void {
    while (this.#accept(valid));
  }

  readonly #outside = (): State | undefined => {
    const text = this.#text;
    const left = text.indexOf(LEFT, this.#at);
    if (left < 0) {
      this.#at = text.length;
      if (this.#at > this.#start) this.#emit('text');
      this.#emit('eof');
      return undefined;
    }
    let end = left;
    if (trimsLeft(text, left + LEFT.length)) while (end > this.#start && isBlank(text[end - 1])) end--;
    this.#at = end;
    if (end > this.#start) this.#emit('text');
    this.#at = left;
    this.#skip();
    return this.#leftDelimiter;
  };

  readonly #leftDelimiter = (): State => {
    this.#at += LEFT.length;
    const marker = trimsLeft(this.#text, this.#at) ? TRIM_MARKER : 0;
    if (this.#text.startsWith('/*', this.#at + marker)) {
      this.#at += marker;
      this.#skip();
      return this.#comment;
    }
    this.#emit('left delimiter');
    this.#at += marker;
    this.#skip();
    this.#parens = 0;
    return this.#inside;
  };

  readonly #comment = (): State | undefined => {
    const end = this.#text.indexOf('*/', this.#at + 2);
    if (end < 0) return this.#fail('unclosed comment');
    this.#at = end + 2;
    const trims = trimsRight(this.#text, this.#at);
    if (!trims && !this.#text.startsWith(RIGHT, this.#at)) {
      return this.#fail('comment ends before closing delimiter');
    }
    this.#at += (trims ? TRIM_MARKER : 0) + RIGHT.length;
    if (trims) this.#passBlanks();
    this.#skip();
    return this.#outside;
  };

  readonly #rightDelimiter = (): State => {
    const trims = trimsRight(this.#text, this.#at);
    if (trims) {
      this.#at += TRIM_MARKER;
      this.#skip();
    }
    this.#at += RIGHT.length;
    this.#emit('right delimiter');
    if (trims) {
      this.#passBlanks();
      this.#skip();
    }
    return this.#outside;
  };

  #passBlanks(): void {
    while (isBlank(this.#text[this.#at])) this.#at++;
  }

  readonly #inside = (): State | undefined => {
    if (trimsRight(this.#text, this.#at) || this.#text.startsWith(RIGHT, this.#at)) {
      return this.#parens === 0 ? this.#rightDelimiter : this.#fail('unclosed left paren');
    }
    const char = this.#peek();
    if (char === '') return this.#fail('unclosed action');
    if (isBlank(char)) return this.#space;
    this.#at += char.length;
    switch (char) {
      case '=':
        this.#emit('assign');
        return this.#inside;
      case ':':
        if (this.#read() !== '=') return this.#fail('expected :=');
        this.#emit('declare');
        return this.#inside;
      case '|':
        this.#emit('pipe');
        return this.#inside;
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string');
      case "'":
        return this.#quoted("'", 'char constant', 'unterminated character constant');
      case '`':
        return this.#raw();
      case '$':
        return this.#word('variable');
      case '(':
        this.#emit('left paren');
        this.#parens++;
        return this.#inside;
      case ')':
        this.#emit('right paren');
        this.#parens--;
        return this.#parens < 0 ? this.#fail(`unexpected right paren ${showRune(char)}`) : this.#inside;
    }
    // A point begins a field, or a number where a digit follows it or nothing at all.
    if (char === '.' && this.#at < this.#text.length && !isDigit(this.#peek())) return this.#word('field');
    if (char === '.' || char === '+' || char === '-' || isDigit(char)) {
      this.#at -= char.length;
      return this.#number();
    }
    if (isAlphanumeric(char)) {
      this.#at -= char.length;
      return this.#identifier();
    }
    if (char >= ' ' && char <= '~') {
      this.#emit('char');
      return this.#inside;
    }
    return this.#fail(`unrecognized character in action: ${showRune(char)}`);
  };

  /** A run of blanks. Its last may belong to a right delimiter that trims. */
  readonly #space = (): State => {
    this.#passBlanks();
    if (trimsRight(this.#text, this.#at - 1)) {
      this.#at--;
      if (this.#at === this.#start) return this.#rightDelimiter;
    }
    this.#emit('space');
    return this.#inside;
  };

  #identifier(): State | undefined {
    this.#passAlphanumerics();
    const word = this.#text.slice(this.#start, this.#at);
    if (!this.#terminated()) return this.#fail(`bad character ${showRune(this.#peek())}`);
    if (isKeyword(word)) this.#emit(word);
    else if (word === 'true' || word === 'false') this.#emit('bool');
    else this.#emit('identifier');
    return this.#inside;
  }

  /** What follows a point or a dollar. */
  #word(type: 'field' | 'variable'): State | undefined {
    if (this.#terminated()) {
      this.#emit(type === 'variable' ? 'variable' : '.');
      return this.#inside;
    }
    this.#passAlphanumerics();
    if (!this.#terminated()) return this.#fail(`bad character ${showRune(this.#peek())}`);
    this.#emit(type);
    return this.#inside;
  }

  #passAlphanumerics(): void {
    for (let char = this.#peek(); isAlphanumeric(char); char = this.#peek()) this.#at += char.length;
  }

  /** Whether a word may end here: `$x+2` is refused. */
  #terminated(): boolean {
    const char = this.#peek();
    return char === '' || isBlank(char) || '.,|:)('.includes(char) || this.#text.startsWith(RIGHT, this.#at);
  }

  #quoted(quote: string, type: TokenType, message: string): State | undefined {
    for (;;) {
      const char = this.#read();
      if (char === quote) break;
      const bad = char === '\\' ? this.#read() : char;
      if ((char === '\\' || char === '' || char === '\n') && (bad === '' || bad === '\n')) {
        return this.#fail(message);
      }
    }
    this.#emit(type);
    return this.#inside;
  }

  #raw(): State | undefined {
    const end = this.#text.indexOf('`', this.#at);
    if (end < 0) {
      this.#at = this.#text.length;
      return this.#fail('unterminated raw quoted string');
    }
    this.#at = end + 1;
    this.#emit('raw string');
    return this.#inside;
  }

  /** Takes more than numbers (`0x0.2`, `089`): the parser finds those out. */
  #number(): State | undefined {
    if (!this.#scanNumber()) return this.#badNumber();
    const sign = this.#peek();
    if (sign !== '+' && sign !== '-') {
      this.#emit('number');
      return this.#inside;
    }
    if (!this.#scanNumber() || this.#text[this.#at - 1] !== 'i') return this.#badNumber();
    this.#emit('complex');
    return this.#inside;
  }

  #badNumber(): undefined {
    return this.#fail(`bad number syntax: ${goQuote(this.#text.slice(this.#start, this.#at))}`);
  }

  #scanNumber(): boolean {
    this.#accept('+-');
    let digits = '0123456789_';
    let exponents = 'eE';
    if (this.#accept('0')) {
      if (this.#accept('xX')) {
        digits = '0123456789abcdefABCDEF_';
        exponents = 'pP';
      } else if (this.#accept('oO')) {
        digits = '01234567_';
        exponents = '';
      } else if (this.#accept('bB')) {
        digits = '01_';
        exponents = '';
      }
    }
    this.#acceptRun(digits);
    if (this.#accept('.')) this.#acceptRun(digits);
    if (this.#accept(exponents)) {
      this.#accept('+-');
      this.#acceptRun('0123456789_');
    }
    this.#accept('i');
    const next = this.#peek();
    if (!isAlphanumeric(next)) return true;
    this.#at += next.length;
    return false;
  }
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9';
}

function isAlphanumeric(char: string): boolean {
  if (char < '\x80') return /^\w/.test(char);
  return /^[\p{L}\p{Nd}]/u.test(char);
}

/** `- ` right after a left delimiter. */
function trimsLeft(text: string, at: number): boolean {
  return text[at] === '-' && isBlank(text[at + 1]);
}

/** ` -` right before a right delimiter. */
function trimsRight(text: string, at: number): boolean {
  return isBlank(text[at]) && text[at + 1] === '-' && text.startsWith(RIGHT, at + TRIM_MARKER);
}

/** `U+0040 '@'`, as Go's %#U. */
function showRune(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return isPrintable(char) ? `${hex} '${char}'` : hex;
}
