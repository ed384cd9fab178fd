import { ConfetdError } from '../../../src/base/errors.js';

/** What a call comes back with where nobody answers. */
export function unavailable(what: string): ConfetdError {
  return new ConfetdError('unavailable', what);
}
