import { getPriority, setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** Flags of the whole process, and of V8 11 to 13. */
export const COLLECTOR_FLAGS = [
  // It learns from a burst which objects live long, and from then on makes them in the old generation; when traffic is
  // calm again each call leaves some there, and all that hangs on them waits for a full collection.
  '--no-allocation-site-pretenuring',
  // The old generation may grow to four times what is alive in it, as V8 itself would have it under pressure: without,
  // it is collected after every 4 MB, network buffers counted.
  '--heap-growing-percent=300',
] as const;

/** Young objects are collected by the thread that made them: it would wait for helpers that get no processor. */
export const WITHOUT_HELPERS = '--no-parallel-scavenge';

/** How much nicer than the process its helpers are: they weigh a tenth where processors are short (sched(7)). */
const NICER = 10;
const NICEST = 19;

/**
 * What a daemon asks of V8 (docs/decisions/0006); a one-shot, which ends before it matters, shouldn't pay for it.
 * `helpers` are the threads, by their Linux ID, in which V8 optimizes code and marks what is alive. What just began to
 * be hot is optimized by four of them at once, for tenths of a second: requests, here and in other processes, go first.
 */
export function tuneV8(helpers: readonly number[]): void {
  for (const flag of COLLECTOR_FLAGS) setFlagsFromString(flag);
  if (helpers.length > 0 && giveWay(helpers)) setFlagsFromString(WITHOUT_HELPERS);
}

/** False: the system doesn't have it so. */
function giveWay(threads: readonly number[]): boolean {
  try {
    const niceness = Math.min(getPriority() + NICER, NICEST);
    for (const thread of threads) setPriority(thread, niceness);
    return true;
  } catch {
    return false;
  }
}
