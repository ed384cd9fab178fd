import { EXIT, ExitError } from '../exit-error.js';

/** Longest line taken from standard input. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** The lines of a stream, without their newline. What comes after the last newline is not a line. */
export async function* linesOf(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string, void> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      yield Buffer.concat([...pending, rest.subarray(0, at)]).toString('utf8');
      pending = [];
      size = 0;
      rest = rest.subarray(at + 1);
    }
    size += rest.length;
    if (size > MAX_LINE_BYTES)
      throw new ExitError(EXIT.invalidInput, 'a line of standard input is longer than 64 MiB');
    pending.push(rest);
  }
}

/** All of a stream. */
export async function bytesOf(chunks: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks)
    parts.push(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk);
  return Buffer.concat(parts);
}
