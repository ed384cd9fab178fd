import type { KeyValue } from '../../proto/generated/etcd_kv.js';

/** What brings one key back. */
export interface Restoration {
  readonly key: Buffer;
  /** As it is now; 0: it isn't there. A key that has another one when it is brought back was changed meanwhile. */
  readonly modRevision: number;
  /** Undefined: the key is deleted. */
  readonly put: { readonly value: Buffer; readonly keepsLease: boolean } | undefined;
}

/**
 * What brings pairs back to what they were, both in key order. A pair that is there now keeps its lease. One that had a
 * lease and is gone went with it, or was deleted since: without the lease it would stay for ever, so it is left out and
 * named in `leased`.
 */
export function restorations(
  then: readonly KeyValue[],
  now: readonly KeyValue[],
): { readonly changes: readonly Restoration[]; readonly leased: readonly Buffer[] } {
  const changes: Restoration[] = [];
  const leased: Buffer[] = [];
  let at = 0;
  const gone = (pair: KeyValue): void => {
    changes.push({ key: pair.key, modRevision: pair.modRevision, put: undefined });
  };
  for (const pair of then) {
    let current = now[at];
    for (; current !== undefined && current.key.compare(pair.key) < 0; current = now[++at]) gone(current);
    if (current?.key.equals(pair.key) === true) {
      at++;
      if (current.value.equals(pair.value)) continue;
      const put = { value: pair.value, keepsLease: current.lease !== 0n };
      changes.push({ key: pair.key, modRevision: current.modRevision, put });
    } else if (pair.lease !== 0n) {
      leased.push(pair.key);
    } else {
      changes.push({ key: pair.key, modRevision: 0, put: { value: pair.value, keepsLease: false } });
    }
  }
  for (const pair of now.slice(at)) gone(pair);
  return { changes, leased };
}
