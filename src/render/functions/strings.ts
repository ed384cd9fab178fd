import { goQuote } from './fmt/quote.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { describe, Float64, newMap, type Value } from './values.js';

/** Text. Where Go counts bytes or code points, so do these. */
export const stringFunctions = [
  define({
    name: 'split',
    kind: 'list',
    params: ['text', 'text'],
    yields: 'texts',
    run: (_, text, separator) => (separator === '' ? Array.from(text) : text.split(separator)),
  }),
  define({
    name: 'join',
    params: ['list', 'text'],
    yields: 'text',
    run: (context, list, separator) => {
      const texts = list.map((item, index) => joined(item, index));
      context.reserve(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
      return texts.join(separator);
    },
  }),
  define({
    name: 'replace',
    params: ['text', 'text', 'text', 'int'],
    yields: 'text',
    run: (context, text, from, to, limit) => {
      // An empty `from` stands before every character and at the end.
      const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
      const count = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1);
      context.reserve(text.length + count * to.length);
      return (
        parts
          .slice(0, count)
          .map((part) => part + to)
          .join('') + parts.slice(count).join(from)
      );
    },
  }),
  define({
    name: 'toUpper',
    params: ['text'],
    yields: 'text',
    run: (_, text) => mapped(text, 'toUpperCase'),
  }),
  define({
    name: 'toLower',
    params: ['text'],
    yields: 'text',
    run: (_, text) => mapped(text, 'toLowerCase'),
  }),
  define({
    name: 'contains',
    kind: 'boolean',
    params: ['text', 'text'],
    yields: 'boolean',
    run: (_, text, part) => text.includes(part),
  }),
  define({
    name: 'trimSuffix',
    params: ['text', 'text'],
    yields: 'text',
    run: (_, text, suffix) => (text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text),
  }),
  define({
    name: 'trimPrefix',
    params: ['text', 'text'],
    yields: 'text',
    run: (_, text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text),
  }),
  define({
    name: 'repeat',
    params: ['int', 'text'],
    yields: 'text',
    run: (context, count, text) => {
      if (count < 0) throw negative(context, `a count of ${count} is negative`);
      context.reserve(count * text.length);
      return text.repeat(count);
    },
  }),
  define({
    name: 'nospace',
    params: ['text'],
    yields: 'text',
    run: (_, text) => text.replace(/[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g, ''),
  }),
  define({
    name: 'snakecase',
    params: ['text'],
    yields: 'text',
    run: (_, text) =>
      words(text)
        .map((word) => word.toLowerCase())
        .join('_'),
  }),
  define({
    name: 'kebabcase',
    params: ['text'],
    yields: 'text',
    run: (_, text) =>
      words(text)
        .map((word) => word.toLowerCase())
        .join('-'),
  }),
  define({
    name: 'camelcase',
    params: ['text'],
    yields: 'text',
    run: (_, text) =>
      words(text)
        .map((word, index) => {
          if (index === 0) return word.toLowerCase();
          const [first = '', ...rest] = word;
          return first.toUpperCase() + rest.join('').toLowerCase();
        })
        .join(''),
  }),
  define({
    name: 'indent',
    params: ['int', 'text'],
    yields: 'text',
    run: (context, spaces, text) => indented(context, spaces, text),
  }),
  define({
    name: 'nindent',
    params: ['int', 'text'],
    yields: 'text',
    run: (context, spaces, text) => `\n${indented(context, spaces, text)}`,
  }),
  define({ name: 'quote', params: ['text'], yields: 'text', run: (_, text) => goQuote(text) }),
  // confd's: it adds the quotes and escapes nothing. For a shell there is shquote.
  define({ name: 'squote', params: ['text'], yields: 'text', run: (_, text) => `'${text}'` }),
  define({
    name: 'shquote',
    params: ['text'],
    yields: 'text',
    run: (_, text) => {
      if (text.includes('\0')) throw new FunctionError('a shell word cannot hold a NUL');
      return `'${text.replaceAll("'", `'\\''`)}'`;
    },
  }),
  define({
    name: 'splitToMap',
    params: ['text', 'text', 'text'],
    // The separators come first, so that a text can be piped into it.
    run: (_, between, within, text) =>
      newMap(
        text
          .trim()
          .split(between)
          .filter((part) => part.includes(within))
          .map((part) => {
            const at = part.indexOf(within);
            return [part.slice(0, at), part.slice(at + within.length)] as const;
          }),
      ),
  }),
];

function joined(item: Value, index: number): string {
  if (typeof item === 'string') return item;
  if (typeof item === 'number' || typeof item === 'boolean') return String(item);
  if (item instanceof Float64) return String(item.value);
  throw new FunctionError(`a list of texts was expected, but element ${index} is ${describe(item)}`);
}

/** Go maps character by character: ß stays ß, where JavaScript makes it SS, and the last Σ of a word is no other σ. */
function mapped(text: string, how: 'toUpperCase' | 'toLowerCase'): string {
  const whole = text[how]();
  if (whole.length === text.length && !whole.includes('ς')) return whole;
  return Array.from(text, (char) => {
    if (char === 'İ' && how === 'toLowerCase') return 'i';
    const changed = char[how]();
    return changed.length === char.length ? changed : char;
  }).join('');
}

function negative({ language }: FunctionContext, sentence: string): FunctionError {
  return new FunctionError(language === 'go' ? 'strings: negative Repeat count' : sentence);
}

function indented(context: FunctionContext, spaces: number, text: string): string {
  if (spaces < 0) throw negative(context, `an indentation of ${spaces} is negative`);
  if (text === '') return '';
  const lines = text.split('\n');
  context.reserve(text.length + lines.length * spaces);
  const pad = ' '.repeat(spaces);
  return lines.map((line) => pad + line).join('\n');
}

/** Cuts at `_`, `-`, blanks, and where an upper-case letter begins a word: HTTPServer is HTTP and Server. */
function words(text: string): string[] {
  return text
    .replace(/(\p{Lu})(?=\p{Lu}\p{Ll})/gu, '$1 ')
    .replace(/([^\p{Lu}_\- ])(?=\p{Lu})/gu, '$1 ')
    .split(/[_\- ]+/)
    .filter((word) => word !== '');
}
