import { type Entry, type EntryType, MessageType } from '../proto/generated/raft.js';
import { bytesOf, metadataOf } from './log.js';
import type { Progress } from './progress.js';
import type { RaftState } from './state.js';

const NO_ENTRIES: Entry[] = [];

/** A leader's new entries (Raft paper, section 5.3): they get the next indexes in its term. */
export function appendEntries(raft: RaftState, type: EntryType, data: readonly Buffer[]): void {
  const { log, term } = raft;
  let index = log.lastIndex;
  for (const bytes of data) {
    index++;
    log.push({ type, term, index, data: bytes });
    raft.uncommittedBytes += bytes.length;
  }
  raft.sendDue = true;
}

/** Sends every follower what it is due, as far as its bounds allow. */
export function sendAppends(raft: RaftState): void {
  raft.sendDue = false;
  for (const progress of raft.membership.progress.values()) {
    if (progress.id === raft.id) continue;
    // Ends at the latest when the inflight bound is reached.
    while (sendAppend(raft, progress, false) && progress.state === 'replicate') {}
  }
}

/**
 * One append (or snapshot) to one follower. Unless `evenEmpty`, nothing is sent that has neither entries nor news of
 * the commit index. False: nothing was sent.
 */
export function sendAppend(raft: RaftState, progress: Progress, evenEmpty: boolean): boolean {
  if (progress.paused) return false;
  const { log, config } = raft;
  const previous = progress.next - 1;
  const commit = Math.min(log.committed, previous);
  const hasEntries = log.lastIndex > previous && !progress.inflights.full;
  if (!hasEntries && !evenEmpty && commit <= progress.sentCommit) return false;
  const previousTerm = log.term(previous);
  if (previousTerm === undefined) return sendSnapshot(raft, progress);
  const entries = hasEntries ? log.entriesFrom(progress.next, config.maxMessageBytes) : NO_ENTRIES;
  if (entries === 'cut off') return sendSnapshot(raft, progress);
  // Nothing changes until they were fetched: an append without them would only be followed by the same question.
  if (entries === 'on disk') return false;
  raft.send(MessageType.APP, progress.id, {
    index: previous,
    logTerm: previousTerm,
    entries,
    commit: log.committed,
  });
  progress.sent(previous + entries.length, bytesOf(entries), log.committed);
  return true;
}

function sendSnapshot(raft: RaftState, progress: Progress): boolean {
  // Nobody there: a snapshot is too large to be sent to a member that may be down.
  if (!progress.recentActive) return false;
  const snapshot = raft.log.snapshot();
  if (snapshot === undefined) return false;
  raft.send(MessageType.SNAP, progress.id, { snapshot });
  progress.becomeSnapshot(metadataOf(snapshot).index);
  return true;
}

/** A heartbeat to everybody, for the read round under way too. */
export function sendHeartbeats(raft: RaftState, kind: 'periodic' | 'read round'): void {
  const { context } = raft.reads;
  for (const progress of raft.membership.progress.values()) {
    if (progress.id === raft.id) continue;
    if (kind === 'periodic') progress.recheck = true;
    else if (progress.isLearner) continue;
    raft.send(MessageType.HEARTBEAT, progress.id, {
      // What the follower is known to have: a log that was replaced must not commit what it never held.
      commit: Math.min(progress.match, raft.log.committed),
      context,
    });
  }
}

/**
 * Commits what a majority of the voters has durable, if the last of it is of this term: older entries are committed
 * only through a newer one (Raft paper, section 5.4.2, figure 8).
 */
export function advanceCommit(raft: RaftState): void {
  const { log } = raft;
  const index = raft.membership.quorumMatch();
  if (index <= log.committed || log.term(index) !== raft.term) return;
  log.commitTo(index);
  raft.sendDue = true;
}

/** The leader's own part of the majority: what is durable here. */
export function acknowledgeOwnLog(raft: RaftState): void {
  if (raft.role !== 'leader') return;
  if (raft.membership.progress.get(raft.id)?.acknowledge(raft.log.durableIndex)) advanceCommit(raft);
}
