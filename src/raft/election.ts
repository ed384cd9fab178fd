import { EntryType, type Message, MessageType } from '../proto/generated/raft.js';
import { voteResult } from './quorum.js';
import { acknowledgeOwnLog, appendEntries } from './replication.js';
import { NO_BYTES, type RaftState } from './state.js';
import { NOBODY, type NodeId } from './types.js';

/**
 * - pre-vote: asks whether it could win, without raising its term (thesis, section 9.6).
 * - election: the real one.
 * - transfer: the same at the leader's own wish, so others grant it although they hear of a leader (section 3.10).
 */
export type Campaign = 'pre-vote' | 'election' | 'transfer';

const TRANSFER_CONTEXT = Buffer.from('transfer');

/** Starts an election, unless this member must not lead. */
export function campaign(raft: RaftState, kind: Campaign): void {
  if (raft.role === 'leader' || !raft.promotable || hasUnappliedConfChange(raft)) return;
  if (kind === 'pre-vote') becomePreCandidate(raft);
  else becomeCandidate(raft);
  const { log } = raft;
  const position = { index: log.lastIndex, logTerm: log.lastTerm };
  for (const id of raft.membership.voters) {
    if (id === raft.id) continue;
    if (kind === 'pre-vote') raft.send(MessageType.PRE_VOTE, id, { ...position, term: raft.term + 1 });
    // After the write: a restart that forgot the term or the end of the log could otherwise use these votes again.
    else {
      const context = kind === 'transfer' ? TRANSFER_CONTEXT : NO_BYTES;
      raft.sendAfterWrite(MessageType.VOTE, id, { ...position, context });
    }
  }
  // A pre-vote promises nothing, so one's own counts at once; a vote counts once it is durable.
  if (kind === 'pre-vote') countVote(raft, raft.id, true);
}

/** With a configuration known to be old, two majorities might not overlap. */
function hasUnappliedConfChange({ log, config }: RaftState): boolean {
  for (const index of log.unappliedConfChanges(config.maxCommittedBytes)) return index <= log.committed;
  return false;
}

function becomePreCandidate(raft: RaftState): void {
  raft.reset(raft.term);
  raft.role = 'pre-candidate';
}

function becomeCandidate(raft: RaftState): void {
  raft.reset(raft.term + 1);
  raft.role = 'candidate';
  raft.vote = raft.id;
}

/** A candidate's vote for itself has become durable. */
export function countOwnVote(raft: RaftState, term: number, vote: NodeId): void {
  if (raft.role === 'candidate' && term === raft.term && vote === raft.id) countVote(raft, raft.id, true);
}

/** An answer to VOTE or PRE_VOTE. */
export function onVoteResponse(raft: RaftState, message: Message): void {
  const asked = raft.role === 'pre-candidate' ? MessageType.PRE_VOTE_RESP : MessageType.VOTE_RESP;
  if (message.type === asked) countVote(raft, message.from, !message.reject);
}

/** The first answer of each member counts. */
function countVote(raft: RaftState, from: NodeId, granted: boolean): void {
  if (!raft.votes.has(from)) raft.votes.set(from, granted);
  const result = voteResult(raft.membership.voters, raft.votes);
  if (result === 'lost') raft.becomeFollower(raft.term, NOBODY);
  if (result !== 'won') return;
  if (raft.role === 'pre-candidate') campaign(raft, 'election');
  else becomeLeader(raft);
}

function becomeLeader(raft: RaftState): void {
  raft.reset(raft.term);
  raft.role = 'leader';
  raft.leader = raft.id;
  const { log } = raft;
  raft.membership.resetProgress(log.lastIndex);
  raft.membership.progress.get(raft.id)?.becomeReplicate();
  // Any entry of an older term may be a configuration change; this one's commit settles them all.
  raft.termStart = log.lastIndex + 1;
  raft.pendingConfIndex = raft.termStart;
  appendEntries(raft, EntryType.NORMAL, [NO_BYTES]);
  acknowledgeOwnLog(raft);
}

/**
 * Whether a request is to be ignored: a member that hears of a leader helps nobody to depose it, so that one that was
 * cut off or removed can't disturb the others (thesis, sections 4.2.3 and 6.4.1).
 */
export function isDisruptive(raft: RaftState, message: Message): boolean {
  return (
    raft.leader !== NOBODY &&
    raft.electionElapsed < raft.config.electionTicks &&
    !message.context.equals(TRANSFER_CONTEXT)
  );
}

/** VOTE or PRE_VOTE (Raft paper, sections 5.2 and 5.4.1). Its term isn't below ours. */
export function onVoteRequest(raft: RaftState, message: Message): void {
  const isPreVote = message.type === MessageType.PRE_VOTE;
  const response = isPreVote ? MessageType.PRE_VOTE_RESP : MessageType.VOTE_RESP;
  const free =
    raft.vote === message.from ||
    (raft.vote === NOBODY && raft.leader === NOBODY) ||
    (isPreVote && message.term > raft.term);
  if (!free || !raft.log.isUpToDate(message.index, message.logTerm)) {
    raft.sendAfterWrite(response, message.from, { reject: true });
    return;
  }
  if (!isPreVote) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
  // A granted pre-vote carries the term that was asked for, which isn't ours.
  raft.sendAfterWrite(response, message.from, { term: message.term });
}

/** The leader wants this member to take over, now. */
export function onTimeoutNow(raft: RaftState): void {
  campaign(raft, 'transfer');
}
