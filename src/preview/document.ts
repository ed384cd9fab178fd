import { isUtf8 } from 'node:buffer';
import type { Problem } from '../confdir/types.js';
import type { Difference } from './compare.js';
import { problemOf } from './faults.js';
import type { KeyChange } from './keys.js';
import type { PreviewFile } from './previewer.js';

/** One destination of `--output json`. */
export interface FileDocument {
  readonly dest: string;
  /** The resource's name, its file of conf.d with the line, and its template. */
  readonly resource: string;
  readonly file: string;
  readonly line: number;
  readonly template: string;
  readonly status: Difference['status'] | 'rendered' | 'ok';
  /** Why it is held. */
  readonly reason?: string;
  readonly text?: string;
  /** In place of a text that isn't UTF-8. */
  readonly base64?: string;
  readonly attributes?: readonly string[];
  /** Null: too large, or not text. */
  readonly diff?: string | null;
  readonly keys?: readonly KeyChange[];
  readonly moreKeys?: number;
  /** What the check command said, where one was run. */
  readonly check?: { readonly ok: boolean; readonly outcome: string };
  readonly errors: readonly Omit<Problem, 'severity'>[];
}

/** A file with what was found out about it. */
export function fileDocument(
  { resource, content, held, error }: PreviewFile,
  difference: Difference | undefined,
  withText: boolean,
): FileDocument {
  const plainStatus = error !== '' ? 'failed' : held !== '' ? 'held' : 'rendered';
  const reason = difference?.status === 'held' ? difference.reason : held;
  const failure = difference?.status === 'failed' ? difference.reason : error;
  return {
    dest: resource.dest,
    resource: resource.name,
    file: resource.position.file,
    line: resource.position.line,
    template: resource.srcPath,
    status: difference?.status ?? plainStatus,
    ...(reason === '' ? {} : { reason }),
    ...(withText && content !== undefined ? textOf(content) : {}),
    ...(difference === undefined
      ? {}
      : {
          attributes: difference.attributes,
          diff: difference.diff ?? null,
          keys: difference.keys,
          moreKeys: difference.moreKeys,
        }),
    errors: failure === '' ? [] : [placeOf(problemOf(failure, resource))],
  };
}

function textOf(content: Buffer): Pick<FileDocument, 'text' | 'base64'> {
  return isUtf8(content) ? { text: content.toString('utf8') } : { base64: content.toString('base64') };
}

/** A problem as the document has it. */
export function placeOf({
  file,
  line,
  column,
  message,
}: Omit<Problem, 'severity'>): Omit<Problem, 'severity'> {
  return { file, line, column, message };
}
