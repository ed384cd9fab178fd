import { ConfetdError } from '../../base/errors.js';
import { putMember, removeMember } from '../../cluster/members.js';
import type { Lessor } from '../../lease/lessor.js';
import { ConfChange, ConfChangeType, ConfState, type Entry, EntryType } from '../../proto/generated/raft.js';
import { StoredMember } from '../../proto/generated/store.js';
import type { RawNode } from '../../raft/rawnode.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../alarms.js';
import type { Proposals } from '../proposals.js';
import { decodeRequest } from '../request-codec.js';
import { applyRequest } from './apply.js';

/** Row of table `meta`: the voters and learners as of the applied index. */
export const CONF_STATE_ROW = 'confState';

export interface EntryApplierParts {
  readonly store: Store;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly raft: RawNode;
  readonly proposals: Proposals;
  /** Who is a member has changed. */
  confChanged(): void;
}

/** Turns committed entries into state, one after the other, and tells the proposer how it went. */
export class EntryApplier {
  readonly #parts: EntryApplierParts;

  constructor(parts: EntryApplierParts) {
    this.#parts = parts;
  }

  /** What it throws makes the state untrustworthy: the member must halt. A refusal of the request isn't thrown. */
  apply(entry: Entry): void {
    if (entry.type === EntryType.CONF_CHANGE) this.#applyConfChange(entry);
    else if (entry.data.length === 0) this.#parts.store.skip(entry.index, entry.term);
    else this.#applyRequest(entry);
  }

  #applyRequest(entry: Entry): void {
    const { store, lessor, alarms, proposals } = this.#parts;
    const { id, kind } = decodeRequest(entry.data);
    const txn = store.begin();
    let response: unknown;
    let refused: ConfetdError | undefined;
    try {
      if (kind === undefined)
        throw new Error(`entry ${entry.index} holds no request that this version knows`);
      response = applyRequest({ store, lessor, alarms, txn }, kind);
    } catch (error) {
      // Anything else is a defect, here or in the log: the entry must not count as applied.
      if (!(error instanceof ConfetdError)) throw error;
      refused = error;
    }
    txn.end(entry.index, entry.term);
    // Only now: whoever waits for an entry that halts the member is told with all the others that it has stopped.
    const waiting = proposals.take(id);
    if (refused !== undefined) waiting?.failed(refused);
    else waiting?.done(response);
  }

  #applyConfChange(entry: Entry): void {
    const { store, raft } = this.#parts;
    const change = ConfChange.decode(entry.data);
    const txn = store.begin();
    const members = txn.table('members');
    if (change.type === ConfChangeType.REMOVE_NODE) removeMember(members, change.nodeId);
    else if (change.context.length > 0) putMember(members, StoredMember.decode(change.context));
    const confState = raft.applyConfChange(change);
    txn.table('meta').put(CONF_STATE_ROW, Buffer.from(ConfState.encode(confState).finish()));
    txn.end(entry.index, entry.term);
    this.#parts.confChanged();
  }
}
