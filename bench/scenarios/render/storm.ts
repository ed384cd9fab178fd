import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, removeFolder } from '../../children.js';
import { PATHS, put } from '../../messages.js';
import type { Bench } from '../../plan.js';
import { atMost, exactly } from '../../report.js';
import { sleep } from '../../wait.js';
import { withDaemon } from './daemon.js';

const PUTS = 1_000;
const STORM_MS = 1_000;
const NAME = 'storm.conf';
/** Longer than the longest wait: what was still to come has come. */
const QUIET_MS = 2_000;

const TEMPLATE = `count = {{getv "/storm/count" "none"}}
revision = {{@revision}}
`;

/** A thousand puts in a second, and a resource that waits for quiet. Each reload notes what it found in force. */
export async function storm(bench: Bench): Promise<void> {
  const folder = await makeFolder('storm');
  const journal = join(folder, 'reloads');
  const sample = {
    name: NAME,
    keys: ['/storm'],
    template: TEMPLATE,
    settings: [
      'wait = { min = "100ms", max = "1s" }',
      `reload_cmd = ${JSON.stringify(`tr '\\n' ' ' < {{.dest}} >> ${journal}; echo >> ${journal}`)}`,
    ],
  };
  try {
    await withDaemon([sample], async ({ client, destinations }) => {
      await destinations.holds(NAME, 'count = none');
      const first = await settled(journal);
      const began = performance.now();
      const puts: Promise<Buffer>[] = [];
      for (let sent = 0; sent < PUTS; await sleep(1)) {
        const due = Math.min(PUTS, ((performance.now() - began) / STORM_MS) * PUTS);
        for (; sent < due; sent++) puts.push(client.call(PATHS.put, put('/storm/count', String(sent + 1))));
      }
      await Promise.all(puts);
      const seconds = (performance.now() - began) / 1000;
      await destinations.holds(NAME, `count = ${PUTS}\n`);
      const lines = (await settled(journal)).slice(first.length);
      const revisions = lines.map((line) => Number(/revision = (\d+)/.exec(line)?.[1]));
      const back = revisions.filter((revision, at) => !(revision > (revisions[at - 1] ?? 0))).length;
      const last = lines.at(-1)?.includes(`count = ${PUTS} `) === true;
      const add = (name: string, unit: string, value: number, mark?: ReturnType<typeof exactly>) => {
        const figure = { name: `a storm of ${PUTS} puts: ${name}`, unit, better: 'lower' } as const;
        bench.report.add(mark === undefined ? figure : { ...figure, mark }, 'confetd', value);
      };
      add('it took', 's', seconds);
      add('reloads', 'count', lines.length, atMost(12, 'reloads'));
      add('last reload finds another file than the last', '0 or 1', last ? 0 : 1, exactly(0));
      add('revisions in force after a newer one', 'count', back, exactly(0));
    });
  } finally {
    await removeFolder(folder);
  }
}

/** The journal's lines, once none has been added for a while. */
async function settled(journal: string): Promise<string[]> {
  for (let before = -1; ; ) {
    const lines = existsSync(journal) ? (await readFile(journal, 'utf8')).split('\n').slice(0, -1) : [];
    if (lines.length === before) return lines;
    before = lines.length;
    await sleep(QUIET_MS);
  }
}
