import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../clock.js';

/** The longest delay a Node timer takes, ms; it makes 1 ms of a longer one. A lease may last longer (24.8 days). */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's clocks and Node's timers. */
export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  schedule(delayMs: number, task: () => void): Timer {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      timer =
        leftMs > MAX_DELAY_MS
          ? setTimeout(() => arm(leftMs - MAX_DELAY_MS), MAX_DELAY_MS)
          : setTimeout(task, leftMs);
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  yield(): Promise<void> {
    return setImmediate();
  }
}
