import { percentiles } from '../../closed-loop.js';
import { PATHS, put } from '../../messages.js';
import type { Bench } from '../../plan.js';
import { below } from '../../report.js';
import { sleep } from '../../wait.js';
import { withDaemon } from './daemon.js';

const TEMPLATE = `upstream web {
{{#each (gets "/services/web/*") as |instance|}}
  server {{instance.value}}; # {{base instance.key}}
{{/each}}
}
`;
const INSTANCES = 20;

/** One key changes, one file of 20 servers follows. No commands: they are the user's. */
export async function change(bench: Bench): Promise<void> {
  const sample = { name: 'upstream.conf', keys: ['/services'], template: TEMPLATE };
  await withDaemon([sample], async ({ client, destinations }) => {
    for (let index = 0; index < INSTANCES; index++) {
      await client.call(PATHS.put, put(`/services/web/${index}`, `10.0.0.${index}:80`));
    }
    await destinations.holds(sample.name, `10.0.0.${INSTANCES - 1}:80`);
    const fromCall: number[] = [];
    const fromAnswer: number[] = [];
    const changes = bench.quick ? 50 : 400;
    for (let index = 0; index < changes + changes / 10; index++) {
      const value = `10.1.${index >> 8}.${index & 255}:${10_000 + index}`;
      const called = performance.now();
      const swap = destinations.holds(sample.name, value);
      const [swapped, answered] = await Promise.all([
        swap,
        client
          .call(PATHS.put, put(`/services/web/${index % INSTANCES}`, value))
          .then(() => performance.now()),
      ]);
      await sleep(2);
      // The first tenth lets the compilers warm up.
      if (index < changes / 10) continue;
      fromCall.push(swapped - called);
      fromAnswer.push(swapped - answered);
    }
    const whole = percentiles(fromCall);
    const rest = percentiles(fromAnswer);
    const add = (name: string, value: number, mark?: ReturnType<typeof below>) => {
      const figure = { name: `key change to file swapped: ${name}`, unit: 'ms', better: 'lower' } as const;
      bench.report.add(mark === undefined ? figure : { ...figure, mark }, 'confetd', value);
    };
    add('median', whole.p50Ms, below(2, 'ms'));
    add('p99', whole.p99Ms);
    add('median, from the put’s answer', rest.p50Ms);
    add('p99, from the put’s answer', rest.p99Ms);
  });
}
