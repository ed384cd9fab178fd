import { messageOf } from '../base/errors.js';

/** What a YAML or JSON text holds, or where it is broken (line 0: unknown). */
export type ParsedText =
  | { readonly value: unknown; readonly fault?: never }
  | {
      readonly value?: never;
      readonly fault: { readonly line: number; readonly column: number; readonly message: string };
    };

/** Reads JSON, or YAML 1.2. Never throws. */
export async function parseText(text: string, isJson: boolean): Promise<ParsedText> {
  if (isJson) {
    try {
      const value: unknown = JSON.parse(text);
      if (!/\d{16}/.test(text)) return { value };
      // Numbers that long may have lost digits: YAML's parser, which takes all JSON, keeps them.
    } catch (error) {
      const before = text.slice(0, jsonFaultAt(text));
      const line = before.split('\n').length;
      const column = before.length - before.lastIndexOf('\n');
      return { fault: { line, column, message: `not valid JSON: ${jsonReason(error)}` } };
    }
  }
  return parseYaml(text);
}

async function parseYaml(text: string): Promise<ParsedText> {
  const { parseDocument } = await import('yaml');
  try {
    const document = parseDocument(text, { intAsBigInt: true, merge: true, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) {
      const place = error.linePos?.[0];
      const message = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
      return { fault: { line: place?.line ?? 0, column: place?.col ?? 0, message } };
    }
    return { value: document.toJS({ mapAsMap: true }) };
  } catch (error) {
    return { fault: { line: 0, column: 0, message: messageOf(error) } };
  }
}

/** Without the excerpt of the text that some messages end in, and without the offset of others. */
function jsonReason(error: unknown): string {
  return messageOf(error).replace(
    /(?:, (?:\.\.\.)?".*is not valid JSON| (?:in JSON )?at position \d+.*)$/s,
    '',
  );
}

/**
 * Offset of the first character that can't stand where it stands. Not every message of the parser tells it; but every
 * text cut before it is merely incomplete, so halving finds it.
 */
function jsonFaultAt(text: string): number {
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isIncomplete(text.slice(0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Whether a text may be the beginning of JSON. */
function isIncomplete(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = messageOf(error);
    const position = /at position (\d+)/.exec(message)?.[1];
    return position === undefined ? message.includes('end of JSON input') : Number(position) >= text.length;
  }
}
