import { Tables } from '../../src/store/tables.js';
import { ProcessClock } from './process-clock.js';
import { wrap } from './wrap.js';

/** What a turn of a process takes while it applies a long entry. */
const TURN_MS = 0.5;

/** Turns that took no time would let nothing happen between the slices of an entry: no crash, message or snapshot. */
function takes(turnMs: number): void {
  if (ProcessClock.current !== undefined) ProcessClock.current.turnMs = turnMs;
}

wrap(
  Tables.prototype,
  'beginLayer',
  (begin) =>
    function (this: Tables) {
      begin.call(this);
      takes(TURN_MS);
    },
);
wrap(
  Tables.prototype,
  'endLayer',
  (end) =>
    function (this: Tables, layer, applied) {
      end.call(this, layer, applied);
      takes(0);
    },
);
// Where one was given up, with the state that it was for.
wrap(
  Tables.prototype,
  'beginEntry',
  (begin) =>
    function (this: Tables) {
      begin.call(this);
      takes(0);
    },
);
