/**
 * Every error a person or a client may see has a code of this list. Where it leaves the process (a gRPC status,
 * an HTTP answer, an exit code) the edge translates the code once; nothing inside parses messages.
 * docs/errors.md says what each one means and what to do.
 */
export type ErrorCode =
  // What a client asked for can't be done (etcd's error list; the message is etcd's).
  | 'invalid_argument'
  | 'out_of_range'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'resource_exhausted'
  | 'permission_denied'
  | 'unauthenticated'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'cancelled'
  | 'unimplemented'
  | 'data_loss'
  | 'unknown'
  // This process can't go on, or can't start.
  | 'internal'
  | 'data_folder'
  | 'wal_corrupt'
  | 'port_in_use'
  | 'disk'
  | 'usage'
  // Rendering.
  | 'config'
  | 'template'
  | 'command'
  | 'source';

/** The one error class: a code for programs, a sentence for people, the cause kept apart. */
export class ConfetdError extends Error {
  override readonly name = 'ConfetdError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The sentence of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOSPC`, `EADDRINUSE`, …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
