import { ConfetdError } from '../../base/errors.js';
import { listMembers } from '../../cluster/members.js';
import type { Lessor } from '../../lease/lessor.js';
import { MemberChange } from '../../proto/generated/member.js';
import { ConfChange, ConfState, type Entry, EntryType } from '../../proto/generated/raft.js';
import type { RawNode } from '../../raft/rawnode.js';
import { CONF_STATE_ROW } from '../../store/meta.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../alarms.js';
import type { Proposals } from '../proposals.js';
import { decodeRequest } from '../request-codec.js';
import { applyRequest } from './apply.js';
import { applyMemberChange } from './membership.js';

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
    const { store, raft, proposals } = this.#parts;
    const change = ConfChange.decode(entry.data);
    const txn = store.begin();
    const { accepted, member, refused } = applyMemberChange(txn, change);
    // A refused one counts for raft too, as a change of nobody.
    const confState = raft.applyConfChange(accepted);
    txn.table('meta').put(CONF_STATE_ROW, Buffer.from(ConfState.encode(confState).finish()));
    const members = listMembers(txn.table('members'));
    txn.end(entry.index, entry.term);
    this.#parts.confChanged();
    const waiting = proposals.take(MemberChange.decode(change.context).id);
    if (refused !== undefined) waiting?.failed(refused);
    else waiting?.done({ member, members });
  }
}
