import { describe, expect, it } from 'vitest';
import type { RenderWhyResponse } from '../../../src/proto/generated/render.js';
import { type Need, NeedError } from '../../../src/render/functions/needs.js';
import type { RenderContext } from '../../../src/render/types.js';
import { Rig, resource, sourceOf } from './rig.js';

const ask = (rig: Rig, name = 'x', limit = 100): Promise<RenderWhyResponse> =>
  rig.renderer.why(`/out/${name}`, '', limit);

/** A template in TypeScript: what it asks for is what the test is about. */
function withTemplate(
  rig: Rig,
  render: (context: RenderContext) => string,
  files = ['/c/templates/x.hbs'],
): Rig {
  rig.template('x', 'stands for the function');
  rig.engine.compile = () => Promise.resolve({ files, render });
  return rig;
}

describe('what a file depends on', () => {
  it('lists exact keys with the revisions of their last change, and those that do not exist', async () => {
    const rig = new Rig({ source: sourceOf({ '/app/a': '1' }, 4) });
    withTemplate(rig, ({ keys }) => `${keys.get('/a')?.value} ${keys.get('/none')?.value}`);
    await rig.start(resource('x', { prefix: '/app', subtrees: ['/app'] }));
    expect(await ask(rig)).toMatchObject({
      known: true,
      hasRevisions: true,
      keys: {
        count: 2,
        list: [
          { key: '/app/a', exists: true, revision: 4 },
          { key: '/app/none', exists: false, revision: 0 },
        ],
      },
      newest: { key: '/app/a', revision: 4 },
    });
    await rig.put({ '/app/none': 'now' });
    expect((await ask(rig)).keys?.list[1]).toEqual({ key: '/app/none', exists: true, revision: 5 });
  });

  it('counts what globs match, with the newest revision among it', async () => {
    const rig = new Rig({ source: sourceOf({ '/app/w/a': '1', '/app/w/b': '2', '/other': '3' }, 7) });
    withTemplate(rig, ({ keys }) => String(keys.glob('/w/*').length + keys.glob('/none/*').length));
    await rig.start(resource('x', { prefix: '/app', subtrees: ['/app'] }));
    await rig.put({ '/app/w/b': '3' });
    const { globs, newest } = await ask(rig);
    expect(globs).toEqual({
      count: 2,
      list: [
        { glob: '/app/w/*', matches: 2, revision: 8 },
        { glob: '/app/none/*', matches: 0, revision: 0 },
      ],
    });
    expect(newest).toMatchObject({ key: '/app/w/b', revision: 8 });
  });

  it('counts the names in folders that were listed', async () => {
    const rig = new Rig({ source: sourceOf({ '/s/web/a': '1', '/s/db/b': '2', '/s/leaf': '3' }) });
    withTemplate(rig, ({ keys }) => keys.lsdir('/s').join(' '));
    await rig.start(resource('x'));
    expect((await ask(rig)).folders).toEqual({ count: 1, list: [{ folder: '/s/', names: 3 }] });
  });

  it('names variables without their values, and lookups with their outcome', async () => {
    const rig = new Rig({ source: sourceOf({}) });
    rig.resolve = (need) =>
      need.type === 'file' ? Promise.resolve('secret') : Promise.reject(new Error('no such server'));
    const needs: readonly Need[] = [
      { type: 'file', path: '/etc/pw' },
      { type: 'address', host: 'db.local' },
    ];
    withTemplate(rig, ({ answers, asked, env }) => {
      for (const need of needs) asked?.(need);
      if (needs.some((need) => answers?.get(need) === undefined)) throw new NeedError(needs);
      return `${Object.hasOwn(env, 'HOME_OF_X')} ${env.CONFETD_NAME}`;
    });
    await rig.start(resource('x', { item: { of: 'sites', key: '/s/a', name: 'a' } }));
    expect(rig.out('x')).toBe('false a');
    const { others, item } = await ask(rig);
    expect(item).toBe('/s/a');
    expect(others).toEqual({
      count: 4,
      list: [
        { kind: 'variable', name: 'HOME_OF_X', state: 'not set' },
        { kind: 'variable', name: 'CONFETD_NAME', state: 'set' },
        { kind: 'file', name: '/etc/pw', state: '6 bytes' },
        { kind: 'address', name: 'db.local', state: 'the addresses of db.local: no such server' },
      ],
    });
    expect(JSON.stringify(others)).not.toContain('secret');
  });

  it('names the template with its partials, and where the resource is declared', async () => {
    const rig = new Rig({ source: sourceOf({}) });
    withTemplate(rig, () => 'text', ['/c/templates/x.hbs', '/c/templates/parts/p.hbs']);
    await rig.start(resource('x'));
    expect(await ask(rig)).toMatchObject({
      file: '/c/conf.d/x.toml',
      line: 1,
      templateFiles: ['/c/templates/x.hbs', '/c/templates/parts/p.hbs'],
    });
  });

  it('of 100,000 keys lists as many as were asked for, counts all, and knows the newest of all', async () => {
    const rig = new Rig();
    const names = Array.from({ length: 100_000 }, (_, at) => `/k/${String(at).padStart(6, '0')}`);
    for (const name of names) rig.source.keys.set(name, 'v');
    withTemplate(rig, ({ keys }) => String(names.filter((name) => keys.get(name)).length));
    await rig.start(resource('x'));
    await rig.put({ '/k/099999': 'w' });
    const { keys, newest } = await ask(rig, 'x', 3);
    expect(keys?.count).toBe(100_000);
    expect(keys?.list.map(({ key }) => key)).toEqual(['/k/000000', '/k/000001', '/k/000002']);
    expect(newest).toMatchObject({ key: '/k/099999', revision: 1 });
  });

  it('keeps an answer of long names within a message', async () => {
    const rig = new Rig({ source: sourceOf({}) });
    const long = (at: number): string => `/${String(at).padStart(200_000, 'x')}`;
    withTemplate(rig, ({ keys }) =>
      String([1, 2, 3, 4, 5, 6, 7].map((at) => keys.get(long(at)) === undefined)),
    );
    await rig.start(resource('x'));
    const { keys } = await ask(rig);
    expect(keys?.count).toBe(7);
    expect(keys?.list.length).toBe(5);
  });
});

describe('what caused the last render', () => {
  it('no change, after a start', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    const answer = await ask(rig);
    expect(answer.cause).toBeUndefined();
    expect(answer.passes).toMatchObject([{ trigger: 'start', outcome: 'written', revision: 1, times: 1 }]);
  });

  it('a put or a delete of a key that it reads, with revision and time; not one that it does not read', async () => {
    const rig = await new Rig({ source: sourceOf({ '/w/a': '1', '/w/b': '2' }) })
      .template('x', '*/w/*')
      .start(resource('x'));
    await rig.put({ '/w/a': '2', '/w/c': '3' });
    const first = await ask(rig);
    expect(first.cause).toMatchObject({
      revision: 2,
      at: rig.clock.wallMs(),
      count: 2,
      keys: [
        { key: '/w/a', deleted: false },
        { key: '/w/c', deleted: false },
      ],
    });
    rig.clock.advance(60_000);
    await rig.put({ '/w/b': null });
    await rig.put({ '/elsewhere': '1' });
    const { cause, caused } = await ask(rig);
    expect(cause).toMatchObject({
      revision: 3,
      at: rig.clock.wallMs(),
      count: 1,
      keys: [{ key: '/w/b', revision: 3, deleted: true }],
    });
    expect(caused).toMatchObject({ trigger: 'change', outcome: 'written', revision: 3 });
  });

  it('of a storm the newest few keys, and how many there were', async () => {
    const rig = await new Rig({ source: sourceOf({ '/w/a': '1' }) })
      .template('x', '*/w/*')
      .start(resource('x', { wait: { minMs: 100, maxMs: 1000 } }));
    for (let at = 0; at < 50; at++) await rig.put({ [`/w/${at}`]: 'v' });
    rig.clock.advance(100);
    await rig.renderer.idle();
    const { cause } = await ask(rig);
    expect(cause?.count).toBe(50);
    expect(cause?.keys.map(({ key }) => key)).toEqual(Array.from({ length: 10 }, (_, at) => `/w/${49 - at}`));
  });

  it('keeps the change in sight while reconciles find nothing, and folds them into one line', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    await rig.put({ '/a': '2' });
    for (let times = 0; times < 20; times++) await rig.renderer.reconcileNow();
    const { cause, caused, passes } = await ask(rig);
    expect(cause?.revision).toBe(2);
    expect(caused).toMatchObject({ outcome: 'written' });
    expect(passes.map(({ trigger, times }) => [trigger, times])).toEqual([
      ['reconcile', 20],
      ['change', 1],
      ['start', 1],
    ]);
  });

  it('shows the retry that succeeded as what became of the change', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) })
      .template('x', '$/a')
      .start(resource('x', { checkCmd: 'check' }));
    rig.onRun = () => 1;
    await rig.put({ '/a': '2' });
    const failed = await ask(rig);
    expect(failed.status).toMatchObject({ state: 'failed' });
    expect(failed.caused).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('check failed'),
    });
    rig.onRun = () => 0;
    rig.clock.advance(2_000);
    await rig.renderer.idle();
    const { caused, status } = await ask(rig);
    expect(caused).toMatchObject({ trigger: 'retry', outcome: 'written' });
    expect(status?.check).toMatchObject({ ok: true });
    expect(status).toMatchObject({ state: 'in_sync', failures: 1, succeededAt: rig.clock.wallMs() });
  });

  it('a changed template, a resumption, and an acceptance are told apart', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    rig.template('x', 'v2 $/a');
    await rig.adopt(resource('x'));
    await rig.renderer.idle();
    await rig.renderer.pause('/out/x', 0);
    await rig.renderer.idle();
    await rig.renderer.resume('/out/x');
    await rig.renderer.idle();
    await rig.renderer.accept('/out/x');
    await rig.renderer.idle();
    const { passes } = await ask(rig);
    expect(passes[0]).toMatchObject({ trigger: 'accept' });
    expect(passes[1]).toMatchObject({ trigger: 'resume' });
    expect(passes.some(({ trigger, outcome }) => trigger === 'configuration' && outcome === 'written')).toBe(
      true,
    );
  });

  it('remembers how the verify command ended, also after a restart', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) })
      .template('x', '$/a')
      .start(resource('x', { verifyCmd: 'verify' }));
    expect((await ask(rig)).verify).toMatchObject({ ok: true });
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(resource('x', { verifyCmd: 'verify' }));
    expect((await ask(again)).verify).toMatchObject({ ok: true });
  });
});

describe('which file', () => {
  it('goes by the name of a resource too', async () => {
    const rig = await new Rig({ source: sourceOf({}) }).template('x', 'v').start(resource('x'));
    expect((await rig.renderer.why('/elsewhere', 'x', 1)).status?.dest).toBe('/out/x');
  });

  it('names the candidates where none matches, and the files where a for_each has several', async () => {
    const rig = await new Rig({ source: sourceOf({}) }).template('x', 'v').start(resource('x'));
    await expect(rig.renderer.why('/out/y', 'y', 1)).rejects.toThrow(
      'no resource has dest /out/y; there are: /out/x',
    );
    const items = ['a', 'b'].map((name) =>
      resource('x', {
        name: `x[/${name}]`,
        dest: `/out/${name}`,
        item: { of: 'x', key: `/${name}`, name },
      }),
    );
    await rig.adopt(...items);
    await expect(rig.renderer.why('/nowhere', 'x', 1)).rejects.toThrow(
      'resource x has 2 files: name one: /out/a, /out/b',
    );
  });
});

describe('how long things took', () => {
  it('is counted for renders, for latencies of changes, and for commands', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) })
      .template('x', '$/a')
      .start(resource('x', { checkCmd: 'check', verifyCmd: 'verify', reloadCmd: 'reload' }));
    rig.source.put({ '/a': '2' }, rig.clock.monotonicMs() - 300);
    await rig.renderer.idle();
    const counted = Object.fromEntries(
      rig.renderer
        .status()
        .histograms.map(({ name, counts, sum }) => [
          name,
          [counts.reduce((total, count) => total + count, 0), sum],
        ]),
    );
    expect(counted).toMatchObject({ latency: [1, 0.3], check: [2, expect.any(Number)] });
    expect([counted.render?.[0], counted.verify?.[0], counted.reload?.[0]]).toEqual([2, 2, 2]);
  });
});
