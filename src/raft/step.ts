import { AssertionError } from '../base/assert.js';
import { type Message, MessageType } from '../proto/generated/raft.js';
import { isDisruptive, onTimeoutNow, onVoteRequest, onVoteResponse } from './election.js';
import { onAppend, onHeartbeat, onSnapshot } from './follower.js';
import { onAppendResponse, onHeartbeatResponse, onReadIndex } from './leader.js';
import type { RaftState } from './state.js';
import { NOBODY } from './types.js';

type Handler = (raft: RaftState, message: Message) => void;
/** Messages without a handler are answers to what was asked in another role, or of no concern here. */
type Handlers = { readonly [Type in MessageType]?: Handler };

const LEADER: Handlers = {
  [MessageType.APP_RESP]: onAppendResponse,
  [MessageType.HEARTBEAT_RESP]: onHeartbeatResponse,
  [MessageType.READ_INDEX]: onReadIndex,
  [MessageType.APP]: refuseOtherLeader,
  [MessageType.HEARTBEAT]: refuseOtherLeader,
  [MessageType.SNAP]: refuseOtherLeader,
};

const CANDIDATE: Handlers = {
  [MessageType.VOTE_RESP]: onVoteResponse,
  [MessageType.PRE_VOTE_RESP]: onVoteResponse,
  [MessageType.APP]: following(onAppend),
  [MessageType.HEARTBEAT]: following(onHeartbeat),
  [MessageType.SNAP]: following(onSnapshot),
};

const FOLLOWER: Handlers = {
  [MessageType.APP]: following(onAppend),
  [MessageType.HEARTBEAT]: following(onHeartbeat),
  [MessageType.SNAP]: following(onSnapshot),
  [MessageType.TIMEOUT_NOW]: onTimeoutNow,
  [MessageType.READ_INDEX_RESP]: onReadIndexResponse,
};

const HANDLERS = { leader: LEADER, candidate: CANDIDATE, 'pre-candidate': CANDIDATE, follower: FOLLOWER };

/** What a leader, a candidate or a follower says; every other type is the owner's concern, whatever term it names. */
const SPOKEN: ReadonlySet<MessageType> = new Set([
  MessageType.APP,
  MessageType.APP_RESP,
  MessageType.VOTE,
  MessageType.VOTE_RESP,
  MessageType.SNAP,
  MessageType.HEARTBEAT,
  MessageType.HEARTBEAT_RESP,
  MessageType.TIMEOUT_NOW,
  MessageType.READ_INDEX,
  MessageType.READ_INDEX_RESP,
  MessageType.PRE_VOTE,
  MessageType.PRE_VOTE_RESP,
]);

/** A message from another member (Raft paper, figure 2, "rules for servers"). */
export function step(raft: RaftState, message: Message): void {
  if (message.to !== raft.id || !SPOKEN.has(message.type)) return;
  if (message.term < raft.term) {
    answerOldTerm(raft, message);
    return;
  }
  if (message.term > raft.term && !enterTerm(raft, message)) return;
  const { type } = message;
  if (type === MessageType.VOTE || type === MessageType.PRE_VOTE) onVoteRequest(raft, message);
  else HANDLERS[raft.role][type]?.(raft, message);
}

/** A message of a newer term. False: it is to be ignored. */
function enterTerm(raft: RaftState, message: Message): boolean {
  const { type, term } = message;
  const isRequest = type === MessageType.VOTE || type === MessageType.PRE_VOTE;
  if (isRequest && isDisruptive(raft, message)) return false;
  // Asking about a term doesn't enter it, and neither does a promise for it.
  if (type === MessageType.PRE_VOTE) return true;
  if (type === MessageType.PRE_VOTE_RESP && !message.reject) {
    return raft.role === 'pre-candidate' && term === raft.term + 1;
  }
  raft.becomeFollower(term, NOBODY);
  return true;
}

/** Its sender doesn't know of our term. Told of it, a deposed leader steps down, and a candidate catches up. */
function answerOldTerm(raft: RaftState, { type, from }: Message): void {
  if (type === MessageType.APP || type === MessageType.HEARTBEAT || type === MessageType.SNAP) {
    raft.sendAfterWrite(MessageType.APP_RESP, from, { reject: true });
  } else if (type === MessageType.PRE_VOTE) {
    raft.sendAfterWrite(MessageType.PRE_VOTE_RESP, from, { reject: true });
  }
}

/** Whoever sends appends, heartbeats or snapshots leads in this term. */
function following(handler: Handler): Handler {
  return (raft, message) => {
    if (raft.role !== 'follower') raft.becomeFollower(raft.term, message.from);
    raft.electionElapsed = 0;
    raft.leader = message.from;
    handler(raft, message);
  };
}

function refuseOtherLeader(raft: RaftState, message: Message): never {
  throw new AssertionError(`two leaders in term ${raft.term}: ${raft.id} and ${message.from}`);
}

/** READ_INDEX_RESP */
function onReadIndexResponse(raft: RaftState, { context, index }: Message): void {
  raft.readStates.push({ context, index });
}
