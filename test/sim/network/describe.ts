import { type Message, MessageType } from '../../../src/proto/generated/raft.js';

/** A raft message in one dense line: type, term, and what matters of the rest. */
export function describeMessage(message: Message): string {
  const { type, term, index, logTerm, entries, commit, reject, context } = message;
  let line = `${MessageType[type]} t${term}`;
  if (index > 0 || logTerm > 0) line += ` i${index}`;
  if (logTerm > 0) line += `/${logTerm}`;
  if (entries.length > 0) line += ` +${entries.length}`;
  if (commit > 0) line += ` c${commit}`;
  if (reject) line += ` no(${message.rejectHint})`;
  if (context.length > 0) line += ` x${context.toString('hex').replace(/^0+/, '')}`;
  const metadata = message.snapshot?.metadata;
  if (metadata !== undefined) line += ` snapshot ${metadata.index}/${metadata.term}`;
  return line;
}
