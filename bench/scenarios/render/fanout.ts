import { percentiles } from '../../closed-loop.js';
import { PATHS, put } from '../../messages.js';
import type { Bench } from '../../plan.js';
import { exactly } from '../../report.js';
import { sleep } from '../../wait.js';
import { withDaemon } from './daemon.js';

const TEMPLATES = 200;

function name(index: number): string {
  return `file-${String(index).padStart(3, '0')}`;
}

/** 200 templates may all see the keys, each reads one: how many are rendered for one change. */
export async function fanout(bench: Bench): Promise<void> {
  const samples = Array.from({ length: TEMPLATES }, (_, index) => ({
    name: name(index),
    keys: ['/app'],
    template: `value = {{getv "/app/${name(index)}" "none"}}\n`,
  }));
  await withDaemon(samples, async ({ client, destinations, renders }) => {
    await Promise.all(samples.map((sample) => destinations.holds(sample.name, 'value = none')));
    const changes = bench.quick ? 5 : 20;
    const counts: number[] = [];
    const times: number[] = [];
    for (let index = 0; index < changes; index++) {
      const changed = name((index * 37) % TEMPLATES);
      const before = await renders();
      if (before.size !== TEMPLATES) throw new Error(`the daemon tells of ${before.size} resources`);
      const called = performance.now();
      const swapped = destinations.holds(changed, `value = new-${index}-`);
      await client.call(PATHS.put, put(`/app/${changed}`, `new-${index}-`));
      times.push((await swapped) - called);
      // A render too many would follow at once: give it the time.
      await sleep(100);
      const after = await renders();
      counts.push([...after].reduce((sum, [dest, count]) => sum + count - (before.get(dest) ?? 0), 0));
    }
    const many = `${TEMPLATES} templates, one reads the key`;
    // The worst change speaks for all: one render too few or too many is a fault.
    const worst = counts.find((count) => count !== 1) ?? 1;
    bench.report.add(
      { name: `${many}: renders`, unit: 'count', better: 'lower', mark: exactly(1) },
      'confetd',
      worst,
    );
    const swap = { name: `${many}: change to swap, median`, unit: 'ms', better: 'lower' } as const;
    bench.report.add(swap, 'confetd', percentiles(times).p50Ms);
  });
}
