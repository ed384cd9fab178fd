import { Layer } from '../../../src/store/layer.js';
import { Tables } from '../../../src/store/tables.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** What a long entry has written so far is everybody's at once, and on its way to the disk before the entry is done. */
export const showHalfAnEntry: Planted = {
  name: 'show half an entry',
  profile: 'crashes',
  seeds: 20,
  plant: () => {
    const begun: Tables[] = [];
    const open = new WeakMap<Layer, Tables | undefined>();
    const of = (layer: Layer): Tables | undefined => {
      if (!open.has(layer)) open.set(layer, begun.pop());
      return open.get(layer);
    };
    const undo = [
      wrap(
        Tables.prototype,
        'beginLayer',
        (begin) =>
          function (this: Tables) {
            begin.call(this);
            begun.push(this);
          },
      ),
      wrap(
        Layer.prototype,
        'put',
        (put) =>
          function (this: Layer, table, key, value) {
            put.call(this, table, key, value);
            of(this)?.put(table, key, value);
          },
      ),
      wrap(
        Layer.prototype,
        'remove',
        (remove) =>
          function (this: Layer, table, key) {
            remove.call(this, table, key);
            of(this)?.remove(table, key);
          },
      ),
    ];
    return () => {
      for (const each of undo) each();
    };
  },
};
