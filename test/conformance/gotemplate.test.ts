import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { GoTemplateEngine } from '../../src/render/engines/gotemplate/engine.js';
import { Answers } from '../../src/render/functions/needs.js';
import { contextOf, diskOf, type World } from '../unit/render/support.js';

const fixture = (name: string): string => readFileSync(`test/fixtures/gotemplate/${name}`, 'utf8');
const lines = <T>(name: string): T[] =>
  fixture(name)
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

describe('what confd rendered', () => {
  interface Golden extends Outcome {
    readonly tmpl: string;
  }
  const keys = flatten(parse(fixture('confd-data.yaml')));
  const world: World = { keys, env: { GOLD_X: 'gx', GOLD_EMPTY: '' }, answers: answers() };

  test.each(lines<Golden>('confd.jsonl').map((golden) => [golden.tmpl, golden] as const))(
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
