import { goQuote } from '../../../functions/fmt/quote.js';

/** What the lexer tells apart inside an action. The keywords stand for themselves. */
export type TokenType =
  | 'error'
  | 'bool'
  | 'char'
  | 'char constant'
  | 'complex'
  | 'assign'
  | 'declare'
  | 'eof'
  | 'field'
  | 'identifier'
  | 'left delimiter'
  | 'left paren'
  | 'number'
  | 'pipe'
  | 'raw string'
  | 'right delimiter'
  | 'right paren'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | Keyword;

export type Keyword = (typeof KEYWORDS)[number];

const KEYWORDS = [
  'block',
  'break',
  'continue',
  '.',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
] as const;

const keywords: ReadonlySet<string> = new Set(KEYWORDS);

export function isKeyword(word: string): word is Keyword {
  return keywords.has(word);
}

export interface Token {
  readonly type: TokenType;
  /** Offset of its first character; -1 for what comes after the end. */
  readonly at: number;
  /** The text itself; of an error its message. */
  readonly value: string;
}

/** A token as Go's error messages show it. */
export function showToken({ type, value }: Token): string {
  if (type === 'eof') return 'EOF';
  if (type === 'error') return value;
  if (isKeyword(type)) return `<${value}>`;
  // The length counts bytes, the cut code points.
  if (Buffer.byteLength(value) > 10) return `${goQuote(Array.from(value).slice(0, 10).join(''))}...`;
  return goQuote(value);
}
