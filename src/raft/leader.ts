import { assert } from '../base/assert.js';
import { type Message, MessageType } from '../proto/generated/raft.js';
import type { Progress } from './progress.js';
import type { ConfirmedReads } from './readonly.js';
import { advanceCommit, sendAppend, sendHeartbeats } from './replication.js';
import type { RaftState } from './state.js';
import { NOBODY, type NodeId } from './types.js';

/** One tick of a leader's clock: heartbeats, and whether a majority still hears them. */
export function tickLeader(raft: RaftState): void {
  raft.electionElapsed++;
  raft.heartbeatElapsed++;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    // The transfer took too long: proposals are taken again (thesis, section 3.10).
    raft.transferee = NOBODY;
    if (!raft.membership.checkQuorum(raft.id)) {
      // Cut off, it could serve nobody, and its clients should look elsewhere (thesis, section 6.2).
      raft.becomeFollower(raft.term, NOBODY);
      return;
    }
  }
  if (raft.heartbeatElapsed >= raft.config.heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    sendHeartbeats(raft, 'periodic');
  }
}

/** APP_RESP */
export function onAppendResponse(raft: RaftState, message: Message): void {
  const progress = raft.membership.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  if (message.reject) onRejection(raft, progress, message);
  else onAcknowledgement(raft, progress, message.index);
}

function onRejection(raft: RaftState, progress: Progress, { index, rejectHint, logTerm }: Message): void {
  // The follower's hint carries its term there: what is of a higher term here can't be what it has (paper, 5.3).
  const hint = logTerm > 0 ? raft.log.lastNotAbove(rejectHint, logTerm) : rejectHint;
  if (progress.decreaseTo(index, hint)) sendAppend(raft, progress, true);
}

function onAcknowledgement(raft: RaftState, progress: Progress, index: number): void {
  const { log } = raft;
  assert(index <= log.lastIndex, `member ${progress.id} acknowledged entry ${index}, which was never sent`);
  const isNews = progress.acknowledge(index);
  if (!isNews && !(progress.state === 'probe' && index === progress.match)) return;
  if (progress.state === 'replicate') {
    progress.inflights.freeUpTo(index);
  } else if (progress.state === 'probe' || progress.match + 1 >= log.firstIndex) {
    // From a snapshot on too: whatever brought the follower there, the log here continues from it.
    progress.becomeReplicate();
  }
  if (isNews) advanceCommit(raft);
  if (progress.next <= log.lastIndex || progress.sentCommit < log.committed) raft.sendDue = true;
  if (progress.id === raft.transferee) continueTransfer(raft, progress);
}

/** HEARTBEAT_RESP */
export function onHeartbeatResponse(raft: RaftState, message: Message): void {
  const { membership, log } = raft;
  const progress = membership.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  progress.probeSent = false;
  if (progress.recheck) {
    progress.recheck = false;
    // It is there but hasn't got everything: an append may be lost. One without entries, behind the last that was
    // sent, is refused if so.
    if (progress.match < log.lastIndex || progress.state === 'probe') sendAppend(raft, progress, true);
  }
  const confirmed = raft.reads.acknowledge(message.from, message.context, membership.voters);
  if (confirmed !== undefined) answerReads(raft, confirmed);
}

/** READ_INDEX: a follower asks on behalf of its clients. */
export function onReadIndex(raft: RaftState, message: Message): void {
  // One too many is dropped, as the network might have done.
  raft.reads.add({ context: message.context, from: message.from });
}

/** Whether {@link advanceReads} has something to do. */
export function readsDue(raft: RaftState): boolean {
  return raft.role === 'leader' && raft.reads.hasWaiting && !raft.reads.underWay && raft.hasCommittedInTerm;
}

/** Begins a round for all reads that came in since the last one. */
export function advanceReads(raft: RaftState): void {
  if (raft.isOnlyVoter) {
    answerReads(raft, raft.reads.takeWaiting(raft.log.committed));
    return;
  }
  raft.reads.begin(raft.id, raft.log.committed);
  sendHeartbeats(raft, 'read round');
}

export function answerReads(raft: RaftState, { index, requests }: ConfirmedReads): void {
  for (const { context, from } of requests) {
    if (from === raft.id) raft.readStates.push({ context, index });
    else raft.send(MessageType.READ_INDEX_RESP, from, { context, index });
  }
}

/** Begins to hand leadership over. False: `to` isn't another voter. */
export function transferLeadership(raft: RaftState, to: NodeId): boolean {
  const progress = raft.membership.progress.get(to);
  if (progress === undefined || progress.isLearner || to === raft.id) return false;
  if (raft.transferee === to) return true;
  // The transfer is to end within an election timeout.
  raft.electionElapsed = 0;
  raft.transferee = to;
  continueTransfer(raft, progress);
  return true;
}

/** Once the target has the whole log it may start its election at once (thesis, section 3.10). */
function continueTransfer(raft: RaftState, progress: Progress): void {
  if (progress.match === raft.log.lastIndex) raft.send(MessageType.TIMEOUT_NOW, progress.id);
  else raft.sendDue = true;
}
