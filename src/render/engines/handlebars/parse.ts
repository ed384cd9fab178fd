import { type ConfetdError, messageOf } from '../../../base/errors.js';
import { Handlebars } from './library.js';
import { tooDeep } from './nesting.js';
import { failure } from './sites.js';

/** Parses, without whitespace control (which compiling applies). Throws a `template` error with its place. */
export function parse(source: string, file: string): hbs.AST.Program {
  const deep = tooDeep(source);
  if (deep !== undefined) {
    const before = source.slice(0, deep).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw failure({ file, line: before.length, column, text: '' }, 'the template is too deeply nested');
  }
  try {
    return Handlebars.parseWithoutProcessing(source);
  } catch (error) {
    throw explained(error, source, file);
  }
}

/** What Handlebars' generated parser leaves behind where it stopped; its errors name only the line. */
interface Stopped {
  readonly Parser: {
    readonly lexer: { readonly yylloc?: { readonly first_line: number; readonly first_column: number } };
  };
}

function explained(error: unknown, source: string, file: string): ConfetdError {
  const message = messageOf(error);
  if (error instanceof RangeError) {
    return failure({ file, line: 1, column: 1, text: '' }, 'the template is too deeply nested', error);
  }
  const mismatch = /^(.+) doesn't match (.+) - (\d+):(\d+)$/.exec(message);
  if (mismatch !== null) {
    const [, open = '', close = '', line = '1', column = '0'] = mismatch;
    return failure(
      { file, line: Number(line), column: Number(column) + 1, text: '' },
      `{{#${open}}} is closed by {{/${close}}}: write {{/${open}}}`,
      error,
    );
  }
  const path = /^(Invalid path: .+) - (\d+):(\d+)$/.exec(message);
  if (path !== null) {
    const [, what = '', line = '1', column = '0'] = path;
    return failure({ file, line: Number(line), column: Number(column) + 1, text: '' }, what, error);
  }
  const at = (Handlebars as unknown as Stopped).Parser.lexer.yylloc;
  const line = Number(/on line (\d+)/.exec(message)?.[1] ?? at?.first_line ?? 1);
  const column = (at?.first_column ?? 0) + 1;
  return failure({ file, line, column, text: '' }, hint(message, source, line, column), error);
}

function hint(message: string, source: string, line: number, column: number): string {
  const got = /got '(\w+)'$/.exec(message)?.[1];
  const rest = source.split('\n')[line - 1]?.slice(Math.max(column - 1, 0)) ?? '';
  const before = source.split('\n')[line - 1]?.slice(0, Math.max(column - 1, 0)) ?? '';
  if (got === 'CLOSE_UNESCAPED') {
    const value = /\{\{([^{}]*)$/.exec(before)?.[1]?.trim() ?? 'x';
    return `}}} where }} was expected: for a brace after a value write {{${value}~}} }`;
  }
  if (got === 'CLOSE' && /\{\{\{[^{}]*$/.test(before)) return '{{{ must be closed by }}}';
  if (got === 'EOF') {
    const open = unclosed(source);
    return open === undefined ? 'the file ends inside {{ }}' : `the file ends before {{/${open}}}`;
  }
  if (got === 'OPEN_ENDBLOCK') return 'this closes a block that was not opened';
  if (got === 'INVERSE' || got === 'OPEN_INVERSE_CHAIN')
    return '{{else}} without a block that could have one';
  if (/^(\.|\$?\w+\s*:?=)/.test(rest) || /\{\{-?\s*(range|end|define|template)\b/.test(before)) {
    return 'this looks like a Go template: give it the extension .tmpl';
  }
  if (message.startsWith('Lexical error')) return 'a {{ or a comment is not closed';
  if (rest === '') return 'the line ends inside {{ }}';
  return `unexpected ${JSON.stringify(rest.slice(0, 20))}`;
}

/** The innermost block that is open at the end. */
function unclosed(source: string): string | undefined {
  const open: string[] = [];
  for (const [, kind, name = ''] of source.matchAll(/\{\{~?([#^/])>?\s*([\w./-]+)/g)) {
    if (kind === '/') open.pop();
    else open.push(name);
  }
  return open.at(-1);
}
