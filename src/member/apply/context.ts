import type { Lessor } from '../../lease/lessor.js';
import type { ReadView } from '../../store/read-view.js';
import type { Store } from '../../store/store.js';
import type { WriteTxn } from '../../store/write-txn.js';
import type { Alarms } from '../alarms.js';

/** What reading the state needs: an open transaction, or the store at one revision where nothing will be written. */
export interface ReadContext {
  readonly txn: ReadView;
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
