import { setFlagsFromString } from 'node:v8';

/**
 * What a daemon asks of V8's collector (docs/decisions/0006). Flags of the whole process, and of V8 11 to 13; a one-shot,
 * which ends before they matter, shouldn't pay for them.
 */
export const COLLECTOR_FLAGS = [
  // It learns from a burst which objects live long, and from then on makes them in the old generation; when traffic is
  // calm again each call leaves some there, and all that hangs on them waits for a full collection.
  '--no-allocation-site-pretenuring',
  // The old generation may grow to four times what is alive in it, as V8 itself would have it under pressure: without,
  // it is collected after every 4 MB, network buffers counted.
  '--heap-growing-percent=300',
] as const;

export function tuneCollector(): void {
  for (const flag of COLLECTOR_FLAGS) setFlagsFromString(flag);
}
