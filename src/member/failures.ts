import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import { BackendFullError } from '../store/backend/backend.js';

/** What ends a member, or keeps it from starting, in words: what the disk says is the disk's, and not a defect. */
export function failureOf(error: unknown): ConfetdError {
  if (error instanceof ConfetdError) return error;
  const text = messageOf(error);
  const cause = { cause: error };
  if (error instanceof BackendFullError || systemCode(error) !== undefined)
    return new ConfetdError('disk', `${text}: check the disk, then start again`, cause);
  return new ConfetdError('internal', `${text} (this is a defect of confetd: please report it)`, cause);
}
