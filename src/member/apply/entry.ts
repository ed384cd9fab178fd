import { ConfetdError } from '../../base/errors.js';
import type { Sliced } from '../../base/sliced.js';
import { listMembers } from '../../cluster/members.js';
import type { Clock } from '../../io/clock.js';
import type { Lessor } from '../../lease/lessor.js';
import { MemberChange, type RequestId } from '../../proto/generated/member.js';
import { ConfChange, ConfState, type Entry, EntryType } from '../../proto/generated/raft.js';
import type { RawNode } from '../../raft/rawnode.js';
import { CONF_STATE_ROW } from '../../store/meta.js';
import type { Store } from '../../store/store.js';
import type { WriteTxn } from '../../store/write-txn.js';
import type { Alarms } from '../alarms.js';
import type { Proposals } from '../proposals.js';
import { decodeRequest } from '../request-codec.js';
import { applyInSlices, applyRequest, type LongKind, mayBeLong } from './apply.js';
import { applyMemberChange } from './membership.js';

export interface EntryApplierParts {
  readonly store: Store;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly raft: RawNode;
  readonly proposals: Proposals;
  readonly clock: Clock;
  /** Who is a member has changed. */
  confChanged(): void;
}

type Request = ReturnType<typeof decodeRequest>;

/** What became of a request. */
interface Applied {
  readonly response?: unknown;
  readonly refused?: ConfetdError;
}

/** Anything else is a defect, here or in the log: the entry must not count as applied. */
function refusalOf(error: unknown): ConfetdError {
  if (!(error instanceof ConfetdError)) throw error;
  return error;
}

/** Turns committed entries into state, one after the other, and tells the proposer how it went. */
export class EntryApplier {
  readonly #parts: EntryApplierParts;

  constructor(parts: EntryApplierParts) {
    this.#parts = parts;
  }

  /**
   * Undefined: it was applied. A long one goes on in turns of its own, and no other may be applied until the promise
   * resolves; false: it was given up, because the state was closed or replaced. What it throws (or rejects with) makes
   * the state untrustworthy: the member must halt. A refusal of the request isn't thrown.
   */
  apply(entry: Entry): Promise<boolean> | undefined {
    if (entry.type === EntryType.CONF_CHANGE) {
      this.#applyConfChange(entry);
    } else if (entry.data.length === 0) {
      this.#parts.store.skip(entry.index, entry.term);
    } else {
      const request = decodeRequest(entry.data);
      if (request.kind !== undefined && mayBeLong(request.kind)) {
        return this.#applyLong(entry, request.id, request.kind);
      }
      this.#applyRequest(entry, request);
    }
    return undefined;
  }

  #applyRequest(entry: Entry, { id, kind }: Request): void {
    const { store, lessor, alarms } = this.#parts;
    const txn = store.begin();
    let outcome: Applied;
    try {
      if (kind === undefined)
        throw new Error(`entry ${entry.index} holds no request that this version knows`);
      outcome = { response: applyRequest({ store, lessor, alarms, txn }, kind) };
    } catch (error) {
      outcome = { refused: refusalOf(error) };
    }
    txn.end(entry.index, entry.term);
    this.#answer(id, outcome);
  }

  #applyLong(entry: Entry, id: RequestId | undefined, kind: LongKind): Promise<boolean> | undefined {
    const txn = this.#parts.store.beginSliced();
    const slices = this.#slices(txn, entry, id, kind);
    return slices.next().done === true ? undefined : this.#goOn(txn, slices);
  }

  async #goOn(txn: WriteTxn, slices: Sliced<void>): Promise<boolean> {
    do {
      await this.#parts.clock.yield();
      if (txn.isOver) return false;
    } while (slices.next().done !== true);
    return true;
  }

  *#slices(txn: WriteTxn, entry: Entry, id: RequestId | undefined, kind: LongKind): Sliced<void> {
    const { store, lessor, alarms } = this.#parts;
    let outcome: Applied;
    try {
      outcome = { response: yield* applyInSlices({ store, lessor, alarms, txn }, kind) };
    } catch (error) {
      outcome = { refused: refusalOf(error) };
    }
    yield* txn.settle();
    txn.end(entry.index, entry.term);
    this.#answer(id, outcome);
  }

  /** Only now: whoever waits for an entry that halts the member is told with all the others that it has stopped. */
  #answer(id: RequestId | undefined, { response, refused }: Applied): void {
    const waiting = this.#parts.proposals.take(id);
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
