import { Lexer } from './lexer.js';
import { showToken, type Token, type TokenType } from './tokens.js';

/** A file of a template: its name in errors, and its text. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** Blocks and parentheses in one another: far from the end of the stack, when parsed and when run. */
export const MAX_NESTING = 400;

/** A template that doesn't parse; the message is Go's, with name and line. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
}

/** Characters of an error. */
const MAX_SHOWN = 8192;

/** Line of an offset, counted from 1; 0 for a token beyond the end. */
export function lineAt(text: string, at: number): number {
  if (at < 0) return 0;
  let line = 1;
  for (let feed = text.indexOf('\n'); feed >= 0 && feed < at; feed = text.indexOf('\n', feed + 1)) line++;
  return line;
}

/** The tokens of one file, with a lookahead of up to three. */
export class TokenStream {
  readonly source: Source;
  readonly #lexer: Lexer;
  /** What was handed back, the next one last. */
  readonly #pending: Token[] = [];
  /** Errors name the line of the token that was read last, even if it was handed back: as Go does. */
  #newest: Token = { type: 'error', at: -1, value: '' };

  constructor(source: Source) {
    this.source = source;
    this.#lexer = new Lexer(source.text);
  }

  next(): Token {
    const pending = this.#pending.pop();
    if (pending !== undefined) return pending;
    this.#newest = this.#lexer.next();
    return this.#newest;
  }

  peek(): Token {
    const token = this.next();
    this.#pending.push(token);
    return token;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.type === 'space') token = this.next();
    return token;
  }

  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.#pending.push(token);
    return token;
  }

  /** The first of these is the next one again. */
  handBack(...tokens: readonly Token[]): void {
    this.#pending.push(...tokens.toReversed());
  }

  expect(types: readonly TokenType[], context: string, actionAt: number): Token {
    const token = this.nextNonSpace();
    if (!types.includes(token.type)) this.unexpected(token, context, actionAt);
    return token;
  }

  /** `actionAt`: where the action under way began; -1: outside of one. */
  unexpected(token: Token, context: string, actionAt: number): never {
    if (token.type !== 'error') this.fail(`unexpected ${showToken(token)} in ${context}`);
    const { name, text } = this.source;
    const began = lineAt(text, actionAt);
    let extra = '';
    if (actionAt >= 0 && began !== lineAt(text, token.at)) {
      extra = `${token.value.endsWith(' action') ? '' : ' in action'} started at ${name}:${began}`;
    }
    this.fail(token.value + extra);
  }

  fail(message: string): never {
    const { name, text } = this.source;
    const shown = message.length > MAX_SHOWN ? `${message.slice(0, MAX_SHOWN)}…` : message;
    throw new ParseError(`template: ${name}:${lineAt(text, this.#newest.at)}: ${shown}`);
  }
}
