import { type DiffOptions, unifiedDiff, WHOLE } from '../render/diff.js';
import type { Look } from '../render/stages/compare.js';
import { cleanKey } from '../source/subtree.js';
import type { KeyChange } from './keys.js';
import type { PreviewFile } from './previewer.js';

/** What would become of a destination. */
export interface Difference {
  readonly dest: string;
  readonly resource: string;
  readonly status: 'in sync' | 'would change' | 'would be removed' | 'held' | 'failed';
  /** Why it is held or has failed. */
  readonly reason: string;
  /** Mode, owner and group, and whether the file is new: one sentence each. */
  readonly attributes: readonly string[];
  /** A unified diff of the content; '': it stays as it is. Undefined: too large, or not text. */
  readonly diff: string | undefined;
  /** Of the keys that the file depends on, those that changed; and how many more there are. */
  readonly keys: readonly KeyChange[];
  readonly moreKeys: number;
}

type Context = Pick<DiffOptions, 'context'>;

/** What a pass would do to a destination as it is on the disk; for files that were looked at. */
export async function againstDisk(file: PreviewFile, options: Context): Promise<Difference> {
  const { resource, content, held, error, look } = file;
  const common = { dest: resource.dest, resource: resource.name, keys: [], moreKeys: 0 };
  const unchanged = { ...common, attributes: [], diff: '' };
  if (error !== '') return { ...unchanged, status: 'failed', reason: error };
  if (held !== '') return { ...unchanged, status: 'held', reason: held };
  if (look === undefined || (content === undefined && look.now === undefined))
    return { ...unchanged, status: 'in sync', reason: '' };
  const before = look.now?.content;
  const diff = await contentDiff(resource.dest, before, content, options);
  const attributes = content === undefined ? ['is removed with its item'] : attributesOf(look);
  const status =
    content === undefined
      ? 'would be removed'
      : diff === '' && attributes.length === 0
        ? 'in sync'
        : 'would change';
  return { ...common, status, reason: '', attributes, diff };
}

/** Of the keys that changed for one file, those that are told. */
const MAX_KEYS = 10;

/**
 * What the change of keys from one moment to another did to a destination; undefined on a side: it didn't stand for a file
 * then.
 */
export async function between(
  before: PreviewFile | undefined,
  after: PreviewFile | undefined,
  changes: readonly KeyChange[],
  options: Context & { readonly from: number; readonly to: number },
): Promise<Difference | undefined> {
  const { resource } = after ?? before ?? {};
  if (resource === undefined) return undefined;
  const own = changes.filter(({ key }) => {
    const name = cleanKey(key);
    return [before, after].some((file) => file?.dependencies?.touchedBy(name));
  });
  const common = {
    dest: resource.dest,
    resource: resource.name,
    keys: own.slice(0, MAX_KEYS),
    moreKeys: Math.max(0, own.length - MAX_KEYS),
    attributes: [],
  };
  const sides = [
    [before, options.from],
    [after, options.to],
  ] as const;
  for (const status of ['failed', 'held'] as const) {
    for (const [file, revision] of sides) {
      const why = status === 'failed' ? file?.error : file?.held;
      if (why !== undefined && why !== '')
        return { ...common, status, reason: `at revision ${revision}: ${why}`, diff: '' };
    }
  }
  const diff = await contentDiff(resource.dest, before?.content, after?.content, options);
  const [was, is] = [before?.content !== undefined, after?.content !== undefined];
  // An empty file that is new, or gone, has nothing to diff.
  if (diff === '' && was === is) return { ...common, status: 'in sync', reason: '', diff };
  return { ...common, status: is ? 'would change' : 'would be removed', reason: '', diff };
}

/** '' for two files that are equal, whatever they hold; a file that is new or gone always differs. */
async function contentDiff(
  dest: string,
  before: Buffer | undefined,
  after: Buffer | undefined,
  { context }: Context,
): Promise<string | undefined> {
  if (before !== undefined && after !== undefined && before.equals(after)) return '';
  return await unifiedDiff(dest, before, after, { ...WHOLE, context });
}

function attributesOf({ now, wanted }: Look): readonly string[] {
  if (now === undefined) return [`is new, mode ${octal(wanted.mode)}`];
  const found: string[] = [];
  if (wanted.mode !== now.mode) found.push(`mode ${octal(now.mode)} becomes ${octal(wanted.mode)}`);
  if (wanted.uid !== undefined && wanted.uid !== now.uid)
    found.push(`owner ${now.uid} becomes ${wanted.uid}`);
  if (wanted.gid !== undefined && wanted.gid !== now.gid)
    found.push(`group ${now.gid} becomes ${wanted.gid}`);
  return found;
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}
