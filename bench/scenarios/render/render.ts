import type { Bench } from '../../plan.js';
import { change } from './change.js';
import { fanout } from './fanout.js';
import { matching } from './matching.js';
import { onetime } from './onetime.js';
import { slow } from './slow.js';
import { storm } from './storm.js';
import { tutorial } from './tutorial.js';

const SCENARIOS = { change, onetime, fanout, slow, tutorial, matching, storm };

/** confetd's renderer. Its peer, confd, is in no Debian: the marks hold what confd was measured at. */
export async function render(bench: Bench): Promise<void> {
  if (!bench.kinds.includes('confetd')) return;
  for (let round = 0; round < bench.rounds; round++) {
    bench.report.round = round + 1;
    for (const [name, run] of Object.entries(SCENARIOS)) {
      await bench.attempt(`render: ${name}`, 'confetd', () => run(bench));
    }
    process.stderr.write(`render: round ${round + 1} of ${bench.rounds}\n`);
  }
}
