import type { Lessor } from '../../lease/lessor.js';
import type { Store } from '../../store/store.js';
import type { WriteTxn } from '../../store/write-txn.js';
import type { Alarms } from '../alarms.js';

/** What reading the state needs: an open transaction, or the store itself where nothing will be written. */
export type ReadTxn = Pick<WriteTxn, 'revision' | 'get' | 'range'>;

export interface ReadContext {
  readonly txn: ReadTxn;
}

/**
 * What applying an entry may see: the replicated state and nothing else. No clock, no randomness, no local flag, so
 * that every member comes to the same state (and the same refusals) from the same log.
 */
export interface ApplyContext {
  readonly store: Store;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  /** All writes of one entry: they share a revision and land in one batch with the entry's index. */
  readonly txn: WriteTxn;
}
