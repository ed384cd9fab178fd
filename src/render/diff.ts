/** Bytes of one side, milliseconds of looking for the best difference, and lines shown. */
const MAX_BYTES = 1024 * 1024;
const MAX_MS = 250;
const MAX_LINES = 400;

/**
 * A unified diff of a file's content, with `a/` and `b/` before its name (`/dev/null` where there was no file); '' if
 * nothing differs. Undefined: too large, binary, or too different to be worth reading.
 */
export async function unifiedDiff(
  path: string,
  before: Buffer | undefined,
  after: Buffer,
): Promise<string | undefined> {
  if ((before?.length ?? 0) > MAX_BYTES || after.length > MAX_BYTES) return undefined;
  if (before?.includes(0) === true || after.includes(0)) return undefined;
  // 10 ms to load: only where somebody looks.
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff');
  const name = path.replace(/^\//, '');
  const patch = createTwoFilesPatch(
    before === undefined ? '/dev/null' : `a/${name}`,
    `b/${name}`,
    before?.toString('utf8') ?? '',
    after.toString('utf8'),
    undefined,
    undefined,
    { context: 3, timeout: MAX_MS, headerOptions: FILE_HEADERS_ONLY },
  );
  if (patch === undefined) return undefined;
  const lines = patch.split('\n');
  if (!lines.some((line) => line.startsWith('@@'))) return '';
  if (lines.length <= MAX_LINES) return patch;
  return `${lines.slice(0, MAX_LINES).join('\n')}\n(${lines.length - MAX_LINES} more lines)\n`;
}
