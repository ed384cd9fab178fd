import { type Result, runSeed } from '../run.js';
import type { Planted } from './types.js';

/** Runs seeds with a planted fault until one of them finds something; undefined: none has. */
export async function hunt({ profile, seeds, plant, sabotage }: Planted): Promise<Result | undefined> {
  const undo = plant?.();
  try {
    for (let seed = 1; seed <= seeds; seed++) {
      const result = await runSeed(seed, { profile, sabotage });
      if (result.finding !== undefined) return result;
    }
    return undefined;
  } finally {
    undo?.();
  }
}
