import { isUtf8 } from 'node:buffer';

export interface DiffOptions {
  /** Lines shown around a change. */
  readonly context: number;
  /** Of one side: what is larger isn't compared. */
  readonly maxBytes: number;
  /** Milliseconds of looking for the best difference. */
  readonly maxMs: number;
  /** What is longer is cut off, and says so. */
  readonly maxLines: number;
}

/** For a terminal on which other things go on. */
const BRIEF: DiffOptions = { context: 3, maxBytes: 1024 * 1024, maxMs: 250, maxLines: 400 };

/** For whoever asked for the diff and waits for it: it is whole, or there is none. */
export const WHOLE: DiffOptions = {
  context: 3,
  maxBytes: 16 * 1024 * 1024,
  maxMs: 5_000,
  maxLines: Number.POSITIVE_INFINITY,
};

/**
 * A unified diff of a file's content, with `a/` and `b/` before its name (`/dev/null` where there is no file); '' if
 * nothing differs. Undefined: too large, not text, or too different to be worth reading.
 */
export async function unifiedDiff(
  path: string,
  before: Buffer | undefined,
  after: Buffer | undefined,
  options: Partial<DiffOptions> = {},
): Promise<string | undefined> {
  const { context, maxBytes, maxMs, maxLines } = { ...BRIEF, ...options };
  if (!isComparable(before, maxBytes) || !isComparable(after, maxBytes)) return undefined;
  // 10 ms to load: only where somebody looks.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff');
  const name = path.replace(/^\//, '');
  const patch = createTwoFilesPatch(
    before === undefined ? '/dev/null' : `a/${name}`,
    after === undefined ? '/dev/null' : `b/${name}`,
    before?.toString('utf8') ?? '',
    after?.toString('utf8') ?? '',
    undefined,
    undefined,
    { context, timeout: maxMs, headerOptions: FILE_HEADERS_ONLY },
  );
  if (patch === undefined) return undefined;
  const lines = patch.split('\n');
  if (!lines.some((line) => line.startsWith('@@'))) return '';
  if (lines.length <= maxLines) return patch;
  return `${lines.slice(0, maxLines).join('\n')}\n(${lines.length - maxLines} more lines)\n`;
}

function isComparable(content: Buffer | undefined, maxBytes: number): boolean {
  return content === undefined || (content.length <= maxBytes && !content.includes(0) && isUtf8(content));
}
