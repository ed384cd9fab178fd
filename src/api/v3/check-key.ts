import { toByteString } from '../../base/bytes.js';
import { checkKey as checkStored, MAX_KEY_COST } from '../../store/keys.js';

/** Throws invalid_argument where a key to be written is longer than the store takes. */
export function checkKey(key: Buffer): void {
  // No byte costs more than two.
  if (key.length * 2 > MAX_KEY_COST) checkStored(toByteString(key));
}
