import { createRequire } from 'node:module';
import type SortedBtree from 'sorted-btree';
import type { ByteString } from '../../base/bytes.js';

// By require: a CommonJS module whose default export Node and bundlers read differently when it is imported.
const { default: BTree } = createRequire(import.meta.url)('sorted-btree') as typeof SortedBtree;

/** A map in byte order of its keys. */
export type OrderedMap<V> = InstanceType<typeof BTree<ByteString, V>>;

export function orderedMap<V>(): OrderedMap<V> {
  return new BTree<ByteString, V>(undefined, compareBytes);
}

function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
