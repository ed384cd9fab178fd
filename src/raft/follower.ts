import { assert } from '../base/assert.js';
import { type Message, MessageType } from '../proto/generated/raft.js';
import { metadataOf } from './log.js';
import type { RaftState } from './state.js';

/** APP: the leader's entries after one that both logs should have (Raft paper, figure 2). */
export function onAppend(raft: RaftState, message: Message): void {
  const { log } = raft;
  const { index: previous, logTerm, entries } = message;
  if (previous < log.committed) {
    // Old news; what is committed here is the same there.
    raft.acknowledge(message.from, log.committed);
    return;
  }
  if (!log.matches(previous, logTerm)) {
    // Where the logs may agree: not where ours has a newer term than theirs at that place. Saves a round trip an entry.
    const hint = log.lastNotAbove(previous, logTerm);
    raft.sendAfterWrite(MessageType.APP_RESP, message.from, {
      reject: true,
      index: previous,
      rejectHint: hint,
      logTerm: log.term(hint) ?? 0,
    });
    return;
  }
  assert(
    entries.length === 0 || entries[0]?.index === previous + 1,
    'an append whose entries do not follow its index',
  );
  log.append(entries);
  const last = previous + entries.length;
  // Behind these entries the log here may be another one: it says nothing of what the leader has committed.
  log.commitTo(Math.min(message.commit, last));
  raft.acknowledge(message.from, last);
}

export function onHeartbeat(raft: RaftState, message: Message): void {
  raft.log.commitTo(message.commit);
  // Says nothing of what is durable here, so it needn't wait for the disk, which would slow reads down.
  raft.send(MessageType.HEARTBEAT_RESP, message.from, { context: message.context });
}

/** SNAP: the leader no longer has the entries that this member needs (Raft paper, section 7). */
export function onSnapshot(raft: RaftState, message: Message): void {
  raft.acknowledge(message.from, restore(raft, message));
}

/** The index up to which the log agrees with the leader's afterwards. */
function restore(raft: RaftState, { snapshot }: Message): number {
  const { log, membership } = raft;
  assert(snapshot !== undefined, 'a snapshot message without a snapshot');
  const { index, term, confState } = metadataOf(snapshot);
  assert(confState !== undefined, 'a snapshot without a configuration');
  if (index <= log.committed) return log.committed;
  if (log.matches(index, term)) {
    // All there: only the news that it is committed is missing.
    log.commitTo(index);
    return log.committed;
  }
  log.restore(snapshot);
  membership.set(confState, index);
  return index;
}
