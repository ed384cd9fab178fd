import pc from 'picocolors';
import { colored, plain } from '../render/diff-colors.js';
import type { Difference } from './compare.js';
import type { KeyChange } from './keys.js';
import type { PreviewFile } from './previewer.js';

/** Rendered texts: of one file as it is, of several each under a line with its name. */
export function textsOf(files: readonly PreviewFile[], color: boolean): string {
  const [only] = files;
  if (files.length === 1) return only?.content?.toString('utf8') ?? '';
  const c = pc.createColors(color);
  return files
    .flatMap(({ resource, content }) => {
      if (content === undefined) return [];
      const text = content.toString('utf8');
      const end = text === '' || text.endsWith('\n') ? '' : '\n';
      return [`${c.bold(`==> ${plain(resource.dest)} <==`)}\n${text}${end}`];
    })
    .join('\n');
}

/** One file's difference, for people and for patch(1), which passes over what isn't a diff; '' if there is none. */
export function differenceText(one: Difference, color: boolean): string {
  const { dest, status, attributes, diff, keys } = one;
  if (status === 'failed' || status === 'held') return '';
  if (status === 'in sync' && keys.length === 0) return '';
  const c = pc.createColors(color);
  const shown = color ? plain : (text: string): string => text;
  const headings = attributes.map((what) => `# ${shown(dest)}: ${what}`);
  if (keys.length > 0) {
    headings.push(`# ${shown(dest)}`, ...keys.map((key) => `# ${shown(keyText(key))}`));
    if (one.moreKeys > 0) headings.push(`# and ${one.moreKeys} more keys`);
    if (status === 'in sync') headings.push('# the text is the same');
  }
  if (diff === undefined) headings.push(`# ${shown(dest)} differs: too large, or not text, to be shown`);
  const body = diff === undefined || diff === '' ? '' : color ? colored(diff, c) : diff;
  return `${headings.map((line) => `${c.bold(line)}\n`).join('')}${body}`;
}

function keyText({ key, type, revision }: KeyChange): string {
  // A key may hold a line break, and a heading is one line.
  const name = /[\p{Cc}]/u.test(key) ? JSON.stringify(key) : key;
  return `${name} ${type}${revision === undefined ? '' : ` at rev ${revision}`}`;
}
