import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { GoTemplateEngine } from '../../../src/render/engines/gotemplate/engine.js';
import { HandlebarsEngine } from '../../../src/render/engines/handlebars/engine.js';
import { MirrorView } from '../../../src/render/key-view.js';
import type { Template } from '../../../src/render/types.js';
import { Mirror } from '../../../src/source/mirror.js';
import { makeFolder, removeFolder } from '../../children.js';
import type { Bench } from '../../plan.js';
import { below, median } from '../../report.js';

const MATCHING = 100;
const FEW = 10_000;
const MANY = 10 * FEW;
const RENDERS_A_BATCH = 50;
const BATCHES = 60;
const GLOB = '/svc/x/*';

const TEMPLATES = {
  tmpl: `{{range getvs "${GLOB}"}}{{.}}\n{{end}}`,
  hbs: `{{#each (getvs "${GLOB}") as |value|}}\n{{value}}\n{{/each}}\n`,
} as const;

/** `getvs` of 100 keys among ten thousand others, and among ten times as many: batches of renders in turn. */
export async function matching(bench: Bench): Promise<void> {
  const few = mirrorOf(FEW);
  const many = mirrorOf(MANY);
  const folder = await makeFolder('matching');
  try {
    const disk = new NodeDisk();
    for (const engine of [new GoTemplateEngine(disk), new HandlebarsEngine(disk)]) {
      const language = engine.extension === '.tmpl' ? 'tmpl' : 'hbs';
      const path = join(folder, `matching.${language}`);
      await writeFile(path, TEMPLATES[language]);
      const template = await engine.compile(path, folder);
      const times: { few: number[]; many: number[] } = { few: [], many: [] };
      const batches = bench.quick ? BATCHES / 6 : BATCHES;
      for (let batch = 0; batch < batches; batch++) {
        const [first, second] = batch % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const);
        for (const which of [first, second]) {
          const took = batchOf(template, which === 'few' ? few : many);
          // The first third lets the compilers warm up.
          if (batch >= batches / 3) times[which].push(took);
        }
      }
      const among = (count: number) =>
        `getvs of ${MATCHING} keys among ${count.toLocaleString('en')} others, .${language}`;
      const add = (name: string, unit: string, value: number, mark?: ReturnType<typeof below>) => {
        const figure = { name, unit, better: 'lower' } as const;
        bench.report.add(mark === undefined ? figure : { ...figure, mark }, 'confetd', value);
      };
      add(among(FEW), 'µs', median(times.few));
      add(among(MANY), 'µs', median(times.many));
      add(
        `${among(MANY)}, of ${FEW.toLocaleString('en')}`,
        '×',
        median(times.many) / median(times.few),
        below(1.2, '×'),
      );
    }
  } finally {
    await removeFolder(folder);
  }
}

function mirrorOf(others: number): Mirror {
  const pair = (key: string) => ({ key, value: `value of ${key}`, modRevision: 2 });
  const pairs = Array.from({ length: MATCHING }, (_, index) => pair(`/svc/x/${index}`));
  for (let index = 0; index < others; index++) pairs.push(pair(`/svc/y${index % 100}/${index}`));
  return new Mirror({ origin: 'bench', revision: 2, pairs });
}

/** Microseconds a render. */
function batchOf(template: Template, mirror: Mirror): number {
  const began = performance.now();
  for (let render = 0; render < RENDERS_A_BATCH; render++) {
    const text = template.render({
      keys: new MirrorView(mirror, { prefix: '', subtrees: [''] }),
      env: {},
      src: 'matching',
      dest: 'matching',
      nowMs: 0,
      deadlineMs: Number.POSITIVE_INFINITY,
      maxBytes: 1_000_000,
      monotonicMs: () => performance.now(),
    });
    if (text.length < MATCHING) throw new Error(`a render made ${text.length} characters`);
  }
  return ((performance.now() - began) * 1000) / RENDERS_A_BATCH;
}
