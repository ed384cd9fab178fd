import { ConfetdError } from '../base/errors.js';
import { type Message, MessageType } from '../proto/generated/raft.js';

/** What members say to each other in batches. A SNAP comes with its state; the others never leave a member. */
const SAID: ReadonlySet<MessageType> = new Set([
  MessageType.PROP,
  MessageType.APP,
  MessageType.APP_RESP,
  MessageType.VOTE,
  MessageType.VOTE_RESP,
  MessageType.HEARTBEAT,
  MessageType.HEARTBEAT_RESP,
  MessageType.TRANSFER_LEADER,
  MessageType.TIMEOUT_NOW,
  MessageType.READ_INDEX,
  MessageType.READ_INDEX_RESP,
  MessageType.PRE_VOTE,
  MessageType.PRE_VOTE_RESP,
]);

/**
 * Throws `invalid_argument` unless member `from` may have meant what its batch decodes to. What is damaged in a way that
 * still decodes must not reach the log.
 */
export function checkMessages(messages: readonly Message[], from: bigint, to: bigint): void {
  if (messages.length === 0) throw garbage('a batch without messages');
  for (const message of messages) {
    if (message.from !== from || message.to !== to) throw garbage('a message between other members');
    if (!SAID.has(message.type)) throw garbage(`a message of type ${message.type}`);
    if (message.type === MessageType.APP) checkEntries(message);
  }
}

/** An append's entries follow each other and its `index`, and none is of a later term than the leader's own. */
function checkEntries({ entries, index, term }: Message): void {
  let expected = index + 1;
  for (const entry of entries) {
    if (entry.index !== expected++ || entry.term > term) throw garbage(`entries with a gap after ${index}`);
  }
}

function garbage(what: string): ConfetdError {
  return new ConfetdError('invalid_argument', what);
}
