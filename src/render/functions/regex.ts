import { createRequire } from 'node:module';
import type { RE2JS as Pattern } from 're2js';
import { messageOf } from '../../base/errors.js';
import { define, type FunctionContext, FunctionError } from './types.js';

/**
 * Regular expressions in RE2's syntax, which is Go's. They take time in proportion to pattern and text: no pattern of a
 * user's can hang a render. Places are those of UTF-16.
 */
export const regexFunctions = [
  define({
    name: 'regexMatch',
    kind: 'boolean',
    params: ['text', 'text'],
    yields: 'boolean',
    run: (context, pattern, text) => compile(context, pattern).matcher(text).find(),
  }),
  define({
    name: 'regexFind',
    params: ['text', 'text'],
    yields: 'text',
    run: (context, pattern, text) => {
      const matcher = compile(context, pattern).matcher(text);
      return matcher.find() ? (matcher.group() ?? '') : '';
    },
  }),
  define({
    name: 'regexReplaceAll',
    params: ['text', 'text', 'text'],
    yields: 'text',
    run: (context, pattern, text, replacement) => replaceAll(context, pattern, text, replacement),
  }),
];

function replaceAll(context: FunctionContext, pattern: string, text: string, replacement: string): string {
  const expression = compile(context, pattern);
  const parts = template(replacement, expression);
  const matcher = expression.matcher(text);
  let result = '';
  let from = 0;
  while (matcher.find()) {
    context.tick();
    const end = matcher.end();
    // A match of nothing right after another match is none.
    if (matcher.start() === end && end === from && from > 0) continue;
    result += text.slice(from, matcher.start());
    for (const part of parts) result += typeof part === 'string' ? part : (matcher.group(part) ?? '');
    context.reserve(result.length);
    from = end;
  }
  return result + text.slice(from);
}

const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g;

/** A replacement's texts and the groups between them: `$1`, `${1}`, `$name`, `$$`. What names no group is nothing. */
function template(replacement: string, expression: Pattern): (string | number)[] {
  const parts: (string | number)[] = [];
  let from = 0;
  for (const match of replacement.matchAll(REFERENCE)) {
    parts.push(replacement.slice(from, match.index));
    from = match.index + match[0].length;
    const name = match[1] ?? match[2];
    if (name === undefined) {
      parts.push('$');
      continue;
    }
    const group = /^[0-9]+$/.test(name) ? Number(name) : Number(expression.namedGroups()[name] ?? -1);
    if (group >= 0 && group <= expression.groupCount()) parts.push(group);
  }
  parts.push(replacement.slice(from));
  return parts;
}

/** Patterns stand in templates or in a few keys. */
const CACHE_SIZE = 256;
const cache = new Map<string, Pattern>();

function compile(context: FunctionContext, pattern: string): Pattern {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  context.tick();
  let compiled: Pattern;
  try {
    compiled = library().compile(pattern);
  } catch (error) {
    throw new FunctionError(messageOf(error), { cause: error });
  }
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(pattern, compiled);
  return compiled;
}

/** Loaded at its first use: 8 ms of a one-shot. */
function library(): typeof Pattern {
  return (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS;
}
