/** What docs/templates.md says, for the test that holds it to its word. */

/** Text between fences: what stands behind the opening one, and the lines. */
export interface Fence {
  readonly info: string;
  readonly line: number;
  readonly lines: readonly string[];
}

export type Language = 'hbs' | 'go';

/** One template and what it becomes, in one language or in both. */
export interface Example {
  readonly line: number;
  /** Of the fence that it stands in: `text KEY = VALUE` sets keys of the resource. */
  readonly info: string;
  readonly sources: readonly { readonly language: Language; readonly text: string }[];
  /** The whole output, or the end of an error's sentence. */
  readonly outcome: { readonly type: 'out' | 'err'; readonly text: string };
}

/** A function's name and how many arguments it takes, as its heading says. */
export interface Signature {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** Everything under one `###` heading. */
export interface Entry {
  readonly heading: string;
  readonly line: number;
  readonly prose: string;
  readonly examples: readonly Example[];
}

export interface Page {
  readonly entries: readonly Entry[];
  /** Of all the page, those of the entries too. */
  readonly examples: readonly Example[];
  readonly fences: readonly Fence[];
  readonly headings: readonly string[];
}

/** Columns of `hbs  `, `go   `, `both `, `out  ` and `err  `. */
const TAG_WIDTH = 5;
const TAG = /^(hbs|go|both|out|err)( |$)/;

export function readPage(markdown: string): Page {
  const fences: Fence[] = [];
  const examples: Example[] = [];
  const entries: { heading: string; line: number; prose: string; examples: Example[] }[] = [];
  let entry: (typeof entries)[number] | undefined;
  const headings: string[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (!line.startsWith('```')) {
      const heading = /^(#+) (.*)$/.exec(line);
      if (heading !== null) headings.push(heading[2] ?? '');
      if (heading?.[1] === '###') {
        entry = { heading: heading[2] ?? '', line: at + 1, prose: '', examples: [] };
        entries.push(entry);
      } else if (heading !== null) entry = undefined;
      else if (entry !== undefined) entry.prose += `${line}\n`;
      continue;
    }
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: a fence that is not closed`);
    const fence = { info: line.slice(3), line: at + 1, lines: lines.slice(at + 1, end) };
    at = end;
    fences.push(fence);
    if (fence.info !== '' && !fence.info.startsWith('text ')) continue;
    const found = readExamples(fence);
    examples.push(...found);
    entry?.examples.push(...found);
  }
  return { entries, examples, fences, headings };
}

/** `hbs`, `go` or `both` begin an example, `out` or `err` end it; lines without a tag go on with what stands above. */
function readExamples({ info, line: first, lines }: Fence): Example[] {
  const examples: Example[] = [];
  let sources: { language: Language; text: string }[] = [];
  let open: { line: number; tag: string; text: string } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { line, tag, text } = open;
    if (tag === 'hbs' || tag === 'both') sources.push({ language: 'hbs', text });
    if (tag === 'go' || tag === 'both') sources.push({ language: 'go', text });
    if (tag !== 'out' && tag !== 'err') return;
    if (sources.length === 0) throw new Error(`line ${line}: ${tag} without a template before it`);
    examples.push({ line, info, sources, outcome: { type: tag, text } });
    sources = [];
  };
  lines.forEach((text, index) => {
    const line = first + 1 + index;
    const tag = TAG.exec(text)?.[1];
    if (tag !== undefined) {
      close();
      open = { line, tag, text: text.slice(TAG_WIDTH) };
      return;
    }
    if (open === undefined) throw new Error(`line ${line}: an example begins with hbs, go or both`);
    if (text !== '' && !text.startsWith(' '.repeat(TAG_WIDTH)))
      throw new Error(`line ${line}: hbs, go, both, out, err or ${TAG_WIDTH} blanks were expected`);
    open.text += `\n${text.slice(TAG_WIDTH)}`;
  });
  close();
  if (sources.length > 0) throw new Error(`line ${first}: the last template has neither out nor err`);
  return examples;
}

/** `getv KEY [DEFAULT]`: a word is an argument, one in brackets may lack, one with dots may come any number of times. */
export function signatures(heading: string): Signature[] {
  return heading.split(', ').map((text) => {
    const [name = '', ...parameters] = text.split(' ');
    let min = 0;
    let max = 0;
    for (const parameter of parameters) {
      if (parameter.endsWith('…')) max = Number.POSITIVE_INFINITY;
      else max++;
      if (/^[A-Z][A-Z0-9-]*$/.test(parameter)) min++;
    }
    return { name, min, max };
  });
}

/** The block or action that a heading such as `{{#each LIST}}` is about. */
export function blockNames(heading: string): { readonly language: Language; readonly name: string }[] {
  return [...heading.matchAll(/\{\{(#?)(\w+)/g)].map(([, hash, name = '']) => ({
    language: hash === '#' ? ('hbs' as const) : ('go' as const),
    name,
  }));
}
