import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../clock.js';

/** The machine's clocks and Node's timers. */
export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  schedule(delayMs: number, task: () => void): Timer {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }

  yield(): Promise<void> {
    return setImmediate();
  }
}
