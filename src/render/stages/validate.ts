import { isUtf8 } from 'node:buffer';
import { ConfetdError, messageOf } from '../../base/errors.js';
import { placeOfBadByte } from '../../confdir/positions.js';
import { parseToml } from '../../confdir/toml.js';
import type { OutputFormat, Resource } from '../../confdir/types.js';
import { Hold } from './render.js';

/** What is wrong with a text, and where; lines and columns from 1. */
interface Fault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Looks at a rendered text before anything is staged. Fails with a `template` error, or holds an empty one. */
export async function validate(
  { src, dest, refuseEmpty, outputFormat }: Resource,
  content: Buffer,
): Promise<void> {
  if (refuseEmpty && content.every(isSpace))
    throw new Hold(`the text is empty (refuse_empty): ${dest} is left as it is`);
  if (outputFormat === undefined) return;
  const fault = isUtf8(content) ? await FAULTS[outputFormat](content.toString('utf8')) : foreign(content);
  if (fault === undefined) return;
  const place = fault.line === 0 ? '' : `line ${fault.line}, column ${fault.column} of `;
  throw new ConfetdError(
    'template',
    `${src}: ${place}the text for ${dest} is not ${outputFormat} (output_format): ${fault.message}`,
  );
}

/** Of bytes that are no UTF-8, which all of the formats have to be. */
function foreign(content: Buffer): Fault {
  return { ...placeOfBadByte(content), message: 'not UTF-8' };
}

const FAULTS: Readonly<Record<OutputFormat, (text: string) => Promise<Fault | undefined>>> = {
  json: async (text) => {
    try {
      JSON.parse(text);
      return undefined;
    } catch (error) {
      return jsonFault(text, messageOf(error));
    }
  },
  yaml: async (text) => {
    const { parseAllDocuments } = await import('yaml');
    const documents = parseAllDocuments(text, { logLevel: 'silent' });
    for (const { errors } of Array.isArray(documents) ? documents : []) {
      const [error] = errors;
      if (error === undefined) continue;
      const [at] = error.linePos ?? [{ line: 0, col: 0 }];
      return { line: at.line, column: at.col, message: reasonOf(error.message) };
    }
    return undefined;
  },
  toml: async (text) => parseToml(text).fault,
  xml: async (text) => {
    const { SaxesParser } = await import('saxes');
    const parser = new SaxesParser({});
    let fault: Fault | undefined;
    let declares = false;
    parser.on('doctype', (doctype) => {
      declares = doctype.includes('<!ENTITY') || /\b(?:SYSTEM|PUBLIC)\b/.test(doctype);
    });
    parser.on('error', ({ message }) => {
      // What a DTD declares isn't read: an entity may be one of its.
      if (declares && message.endsWith('undefined entity.')) return;
      const [, line = '0', column = '0', what = message] = /^(\d+):(\d+): (.*)$/s.exec(message) ?? [];
      fault ??= { line: Number(line), column: Number(column), message: what };
    });
    parser.write(text).close();
    return fault;
  },
};

/** The first line, without the place, which is told in front of it. */
function reasonOf(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}

/** Texts in which a fault is looked for; a larger one is told without its place. */
const MAX_SEARCHED = 1 << 20;

/** The parser names places in some of its messages only, and quotes the text in others, which may be a secret. */
function jsonFault(text: string, message: string): Fault {
  const what = message.replace(/(?: in JSON)? at position .*$/s, '').replace(/, (?:\.\.\.)?".*$/s, '');
  if (text.length > MAX_SEARCHED) return { line: 0, column: 0, message: what };
  // Halving finds the shortest beginning that nothing could make good.
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - lineStart + 1, message: what };
}

/** Whether a text is JSON, or the beginning of some. */
function mayGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = messageOf(error);
    const position = /at position (\d+)/.exec(message)?.[1];
    return /end of JSON input|Unterminated string/.test(message) || Number(position) === text.length;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
