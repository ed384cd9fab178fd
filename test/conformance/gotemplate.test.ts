import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { silentLog } from '../../src/io/log.js';
import { NodeClock } from '../../src/io/node/clock.js';
import { renderPorts } from '../../src/main/render-ports.js';
import { GoTemplateEngine } from '../../src/render/engines/gotemplate/engine.js';
import { HandlebarsEngine } from '../../src/render/engines/handlebars/engine.js';
import { Answers } from '../../src/render/functions/needs.js';
import { contextOf, diskOf, type World } from '../unit/render/support.js';

const fixture = (name: string): string => readFileSync(`test/fixtures/gotemplate/${name}`, 'utf8');
const lines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

/** Nested maps as keys, as confd's file backend has them. */
function flatten(value: unknown, prefix = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null) return { [prefix]: String(value) };
  return Object.assign({}, ...Object.entries(value).map(([key, item]) => flatten(item, `${prefix}/${key}`)));
}

interface Outcome {
  readonly out: string | null;
  readonly err: string | null;
}

async function outcome(tmpl: string, world: World, file: string): Promise<Outcome> {
  const engine = new GoTemplateEngine(diskOf({ [file]: tmpl }));
  try {
    const template = await engine.compile(file, '/confdir/templates');
    return { out: template.render(contextOf(world)), err: null };
  } catch (error) {
    return { out: null, err: error instanceof Error ? error.message : String(error) };
  }
}

/** What a host of the generator's has. */
function answers(): Answers {
  const known = new Answers();
  known.set({ type: 'file-exists', path: '/etc/passwd' }, { value: true });
  known.set({ type: 'file-exists', path: '/nope' }, { value: false });
  return known;
}

interface Golden extends Outcome {
  readonly tmpl: string;
}

describe('what confd rendered', () => {
  const keys = flatten(parse(fixture('confd-data.yaml')));
  const world: World = { keys, env: { GOLD_X: 'gx', GOLD_EMPTY: '' }, answers: answers() };

  test.each(lines<Golden>(fixture('confd.jsonl')).map((golden) => [golden.tmpl, golden] as const))(
    '%s',
    async (tmpl, { out, err }) => {
      const file = '/confdir/templates/g.tmpl';
      expect(await outcome(tmpl, world, file)).toEqual({
        out,
        err: err?.replace('{confdir}', '/confdir') ?? null,
      });
    },
  );

  test("the tutorial's nginx example", async () => {
    const docker = {
      '/docker/node/n01': '192.168.100.111',
      '/docker/node/n02': '192.168.100.112',
      '/docker/node/n03': '192.168.100.113',
      '/docker/service/s01': '1005',
      '/docker/service/s02': '1007',
    };
    const { out } = await outcome(
      fixture('tutorial-nginx.tmpl'),
      { keys: docker, prefix: '/docker', subtrees: ['/docker/node', '/docker/service'] },
      '/confdir/templates/nginx.tmpl',
    );
    expect(out).toBe(fixture('tutorial-nginx.conf'));
    expect(Buffer.byteLength(out ?? '')).toBe(881);
  });
});

test('the program reads .tmpl files as Go templates, and whatever confd’s users have named otherwise', async () => {
  const ports = renderPorts(new NodeClock(), silentLog);
  for (const extension of ['.tmpl', '.cfg', '.conf', ''])
    expect(await ports.engine(extension)).toBeInstanceOf(GoTemplateEngine);
  expect(await ports.engine('.hbs')).toBeInstanceOf(HandlebarsEngine);
  expect(await ports.engine('.handlebars')).toBeUndefined();
});

describe("what Go's text/template rendered", () => {
  const { keys, env } = JSON.parse(fixture('generator/data.json')) as Required<Pick<World, 'keys' | 'env'>>;
  const world: World = { keys, env, answers: answers() };
  /** A cause of confd's own: it says which file it could not read. */
  const ours = ({ out, err }: Outcome): Outcome => ({
    // What is no UTF-8 is U+FFFD in the file, as it is in the corpus.
    out: out === null ? null : Buffer.from(out).toString(),
    err: err?.replace('Unable to process template x.tmpl, ', '') ?? null,
  });
  const other = process.env.GOTEMPLATE_CORPUS;
  const cases = lines<Golden>(other === undefined ? fixture('corpus.jsonl') : readFileSync(other, 'utf8'));

  test('the corpus is no empty one', () => {
    expect(cases.length).toBeGreaterThan(2000);
    expect(cases.filter(({ err }) => err !== null).length).toBeGreaterThan(500);
  });

  test('byte for byte, errors too', async () => {
    const different: unknown[] = [];
    for (const { tmpl, out, err } of cases) {
      const got = ours(await outcome(tmpl, world, 'x.tmpl'));
      if (got.out !== out || got.err !== err)
        different.push({ tmpl, go: out ?? err, ours: got.out ?? got.err });
    }
    expect(different).toEqual([]);
  });
});
