import { formatPlain } from '../../../functions/fmt/format.js';
import { sprint, sprintf, sprintln } from '../../../functions/fmt/printf.js';
import { escapeHtml, escapeJs, escapeQuery } from '../../../functions/print.js';
import type { Value } from '../../../functions/values.js';
import { isTrue } from '../../../functions/values.js';
import type { Run } from '../run.js';
import { type GoFunction, variadic } from './go-function.js';

/** What html, js and urlquery work on: as print has it, but nothing is `<no value>`. */
function plain(run: Run, args: readonly Value[]): string {
  const [only] = args;
  if (args.length === 1 && typeof only === 'string') return only;
  return sprint(
    args.map((arg) => (arg === null || arg === undefined ? '<no value>' : arg)),
    run.maxSize,
  );
}

function escaper(name: string, encode: (text: string) => string): GoFunction {
  return variadic(name, [], 'interface {}', (run, args) => {
    const text = plain(run, args);
    // The longest replacement of one character has six.
    run.reserve(text.length);
    return encode(text);
  });
}

export const textBuiltins: readonly GoFunction[] = [
  variadic('print', [], 'interface {}', (run, args) => sprint(args, run.maxSize)),
  variadic('println', [], 'interface {}', (run, args) => sprintln(args, run.maxSize)),
  variadic(
    'printf',
    ['string'],
    'interface {}',
    (run, [format, ...args]) => sprintf(format as string, args, undefined, run.maxSize).text,
  ),
  escaper('html', escapeHtml),
  escaper('js', escapeJs),
  escaper('urlquery', escapeQuery),
  { name: 'not', fixed: ['value'], variadic: undefined, run: (_, [value]) => !isTrue(value) },
];

/** A value as an action prints it. */
export function printed(run: Run, value: Value): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '<no value>' : formatPlain(value, run.maxSize);
}
