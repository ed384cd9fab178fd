import { ConfetdError } from '../base/errors.js';

/** etcd's words: clients compare them. */
export function compactedError(): ConfetdError {
  return new ConfetdError('out_of_range', 'etcdserver: mvcc: required revision has been compacted');
}

export function futureRevisionError(): ConfetdError {
  return new ConfetdError('out_of_range', 'etcdserver: mvcc: required revision is a future revision');
}
