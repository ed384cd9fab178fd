import pc from 'picocolors';
import { colored, plain } from '../render/diff-colors.js';
import type { Difference } from './compare.js';
import type { KeyChange } from './keys.js';
import type { PreviewFile } from './previewer.js';

/** Rendered texts: of one file as it is, of several each under a line with its name. */
export function textsOf(files: readonly PreviewFile[], color: boolean): Buffer {
  const [only] = files;
  if (files.length === 1) return only?.content ?? Buffer.alloc(0);
  const c = pc.createColors(color);
  const parts: Buffer[] = [];
  for (const { resource, content } of files) {
    if (content === undefined) continue;
    const gap = parts.length === 0 ? '' : '\n';
    parts.push(Buffer.from(`${gap}${c.bold(`==> ${plain(resource.dest)} <==`)}\n`), content);
    if (content.length > 0 && content.at(-1) !== LINE_FEED) parts.push(Buffer.of(LINE_FEED));
  }
  return Buffer.concat(parts);
}

const LINE_FEED = 10;

export interface Showing {
  readonly color: boolean;
  readonly isTerminal: boolean;
}

/** One file's difference, for people and for patch(1), which passes over what isn't a diff; '' if there is none. */
export function differenceText(one: Difference, { color, isTerminal }: Showing): string {
  const { dest, status, attributes, diff, keys } = one;
  if (status === 'failed' || status === 'held') return '';
  if (status === 'in sync' && keys.length === 0) return '';
  const headings = attributes.map((what) => `# ${dest}: ${what}`);
  if (keys.length > 0) {
    headings.push(`# ${dest}`, ...keys.map((key) => `# ${keyText(key)}`));
    if (one.moreKeys > 0) headings.push(`# and ${one.moreKeys} more keys`);
    if (status === 'in sync') headings.push('# the text is the same');
  }
  if (diff === undefined) headings.push(`# ${dest} differs: too large, or not text, to be shown`);
  const heading = headings.map((line) => `${line}\n`).join('');
  if (!color) return isTerminal ? plain(heading + (diff ?? '')) : heading + (diff ?? '');
  const c = pc.createColors(true);
  const bold = plain(heading).replace(/^.+$/gm, (line) => c.bold(line));
  return bold + colored(diff ?? '', c);
}

function keyText({ key, type, revision }: KeyChange): string {
  // A key may hold a line break, and a heading is one line.
  const name = /[\p{Cc}]/u.test(key) ? JSON.stringify(key) : key;
  return `${name} ${type}${revision === undefined ? '' : ` at rev ${revision}`}`;
}
