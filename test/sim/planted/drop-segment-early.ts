import { Wal } from '../../../src/wal/wal.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

/** Segments are deleted once their entries are applied, whether or not the state on disk has them. */
export const dropSegmentEarly: Planted = {
  name: 'drop a segment before the state is flushed',
  profile: 'slow',
  seeds: 40,
  plant: () =>
    wrap(
      Wal.prototype,
      'release',
      (release) =>
        function (this: Wal) {
          return release.call(this, this.lastIndex);
        },
    ),
};
