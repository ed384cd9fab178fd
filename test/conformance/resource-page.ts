/** docs/resources.md and docs/migrating-from-confd.md as data: their fences, and the entries of keys. */

export interface Fence {
  /** The first word behind the back-ticks, and the rest of that line. */
  readonly language: string;
  readonly info: string;
  /** With a line break at its end, unless it is empty. */
  readonly text: string;
  /** Of the page, from 1. */
  readonly line: number;
}

/** One key of one table, as its entry states it. */
export interface Entry {
  readonly key: string;
  /** `root` for the top of a file. */
  readonly table: string;
  readonly type: string;
  readonly unsaid: string;
  readonly line: number;
}

export function fencesOf(markdown: string): readonly Fence[] {
  const fences: Fence[] = [];
  const lines = markdown.split('\n');
  let open: { readonly at: number; readonly ticks: string } | undefined;
  for (const [at, line] of lines.entries()) {
    const ticks = /^`{3,}/.exec(line)?.[0];
    if (open === undefined) {
      if (ticks !== undefined) open = { at, ticks };
      continue;
    }
    if (line !== open.ticks) continue;
    const words = (lines[open.at] ?? '').slice(open.ticks.length);
    const [, language = '', info = ''] = /^(\S*) ?(.*)$/.exec(words) ?? [];
    const text = lines.slice(open.at + 1, at).map((one) => `${one}\n`);
    fences.push({ language, info, text: text.join(''), line: open.at + 1 });
    open = undefined;
  }
  if (open !== undefined) throw new Error(`the block of line ${open.at + 1} has no end`);
  return fences;
}

/** A heading of the key in back-ticks, and below it `TABLES · TYPE · DEFAULT`. */
export function entriesOf(markdown: string): readonly Entry[] {
  const lines = markdown.split('\n');
  return lines.flatMap((line, at) => {
    const key = /^#{3,4} `(\w+)`/.exec(line)?.[1];
    if (key === undefined) return [];
    const [tables, type, unsaid] = (lines[at + 1] ?? '').split(' · ');
    if (tables === undefined || type === undefined || unsaid === undefined)
      throw new Error(`line ${at + 2}: expected TABLES · TYPE · DEFAULT`);
    return tables.split(', ').map((table) => ({
      key,
      table: table === 'at the top' ? 'root' : table.replace(/^`\[*|\]*`$/g, ''),
      type,
      unsaid,
      line: at + 1,
    }));
  });
}
