import type { Bench } from '../plan.js';
import { catchUp } from './catch-up.js';
import { failover } from './failover.js';
import { memory } from './memory.js';
import { puts } from './puts.js';

/** Three members on one machine, of either kind in turn: they and the load share its cores, so this measures CPU. */
export async function cluster(bench: Bench): Promise<void> {
  await puts(bench);
  await failover(bench);
  await catchUp(bench);
  await memory(bench);
}
