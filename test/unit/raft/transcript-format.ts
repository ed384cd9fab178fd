import {
  ConfChange,
  ConfChangeType,
  type ConfState,
  type Entry,
  EntryType,
  type Message,
  MessageType,
} from '../../../src/proto/generated/raft.js';
import type { RaftStatus } from '../../../src/raft/rawnode.js';
import type { SimMember } from './sim-member.js';

/** What entries hold of which one fills a message; it isn't shown. Small ones after it don't fit. */
export const LARGE = 'large entry';

/** `index@term`, as everywhere in transcripts, and what is proposed in it. */
export function entryText({ index, term, type, data }: Entry): string {
  const place = `${index}@${term}`;
  if (type === EntryType.CONF_CHANGE) {
    const change = ConfChange.decode(data);
    return `${place} (${CHANGES[change.type]} ${change.nodeId})`;
  }
  const text = data.toString();
  return text === '' || text === LARGE ? place : `${place} ${text}`;
}

const CHANGES: { readonly [type: number]: string } = {
  [ConfChangeType.ADD_NODE]: 'add',
  [ConfChangeType.ADD_LEARNER_NODE]: 'add learner',
  [ConfChangeType.REMOVE_NODE]: 'remove',
};

export function confText({ voters, learners }: ConfState): string {
  if (voters.length + learners.length === 0) return 'no members known';
  const text = `voters ${voters.join(' ')}`;
  return learners.length === 0 ? text : `${text}, learners ${learners.join(' ')}`;
}

const candidateLog = ({ index, logTerm }: Message) => `, log ends ${index}@${logTerm}`;
const answer = ({ reject }: Message) => (reject ? ', no' : ', yes');
const round = ({ context }: Message) => (context.length === 0 ? '' : `, round ${context.readBigUInt64BE()}`);

/** What matters of a message, by its type. */
const DETAILS: { readonly [Type in MessageType]?: (message: Message) => string } = {
  [MessageType.VOTE]: candidateLog,
  [MessageType.PRE_VOTE]: candidateLog,
  [MessageType.VOTE_RESP]: answer,
  [MessageType.PRE_VOTE_RESP]: answer,
  [MessageType.APP]: ({ index, logTerm, entries, commit }) => {
    const list = entries.length === 0 ? 'nothing' : entries.map(entryText).join(', ');
    return `, after ${index}@${logTerm}: ${list}; commit ${commit}`;
  },
  [MessageType.APP_RESP]: ({ reject, index, rejectHint, logTerm }) =>
    reject ? `, not after ${index}; maybe after ${rejectHint}@${logTerm}` : `, has up to ${index}`,
  [MessageType.HEARTBEAT]: (message) => `, commit ${message.commit}${round(message)}`,
  [MessageType.HEARTBEAT_RESP]: round,
  [MessageType.SNAP]: ({ snapshot }) => `, state at ${snapshot?.metadata?.index}@${snapshot?.metadata?.term}`,
  [MessageType.READ_INDEX]: ({ context }) => `, ${context.toString()}`,
  [MessageType.READ_INDEX_RESP]: ({ context, index }) => `, ${context.toString()} at ${index}`,
};

/** A message on one line: who to whom, what, and only what matters for its type. */
export function messageText(message: Message): string {
  const { type, from, to, term } = message;
  return `${from}>${to} ${MessageType[type]} term ${term}${DETAILS[type]?.(message) ?? ''}`;
}

/** What a change of a member's role, term or leader looks like. */
export function roleText({ id, role, term, leader }: RaftStatus): string {
  if (role === 'leader') return `${id} leads term ${term}`;
  if (role !== 'follower') return `${id} is ${role} in term ${term}`;
  return leader === 0n ? `${id} follows nobody in term ${term}` : `${id} follows ${leader} in term ${term}`;
}

/** A member on one line, and of a leader what it knows of each other member. */
export function statusText(member: SimMember): string[] {
  const { raft, storage } = member;
  if (!member.alive) return [`${member.id} is down`];
  const { status } = raft;
  const log: string[] = [];
  for (let index = storage.firstIndex(); index <= storage.lastIndex(); index++) {
    log.push(`${index}@${storage.term(index)}`);
  }
  const vote = status.vote === 0n ? '' : `, vote ${status.vote}`;
  const lines = [
    `${roleText(status)}${vote}; log ${log.join(' ') || `empty after ${storage.lastIndex()}`}; commit ${status.commit}; ${confText(status.confState)}`,
  ];
  for (const one of status.progress) {
    if (one.id === status.id) continue;
    const pending = one.pendingSnapshot > 0 ? `, state at ${one.pendingSnapshot} on its way` : '';
    lines.push(
      `  ${one.id}${one.isLearner ? ' (learner)' : ''}: ${one.state}, match ${one.match}, next ${one.next}${pending}`,
    );
  }
  return lines;
}
