import { describe, expect, it } from 'vitest';
import { Rig, resource, sourceOf } from './rig.js';

describe('answers', () => {
  it('waits until a revision is applied, and says what changed and how long it took', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    const waiting = rig.renderer.wait(2, 1000);
    rig.source.put({ '/a': '2' }, rig.clock.monotonicMs() - 5);
    expect(await waiting).toEqual({
      files: [{ dest: '/out/x', revision: 2, latencyMs: 5 }],
      latencyMs: 5,
      timedOut: false,
      errors: [],
    });
    // Late, and about the past.
    await rig.put({ '/a': '3' });
    expect((await rig.renderer.wait(2, 1000)).files).toEqual([{ dest: '/out/x', revision: 2, latencyMs: 5 }]);
  });

  it('answers at once where nothing depends on the revision, and times out where it never comes', async () => {
    const rig = await new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').start(resource('x'));
    await rig.put({ '/other': '1' });
    expect(await rig.renderer.wait(2, 1000)).toEqual({
      files: [],
      latencyMs: 0,
      timedOut: false,
      errors: [],
    });
    const waiting = rig.renderer.wait(99, 1000);
    rig.clock.advance(1000);
    expect(await waiting).toMatchObject({ timedOut: true });
  });

  it('waits for the reload too, and tells what failed', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a $/b');
    rig.onRun = () => 3;
    await rig.start(resource('x', { reloadCmd: 'reload' }), resource('y'));
    const waiting = rig.renderer.wait(2, 1000);
    rig.source.put({ '/a': '2' });
    expect(await waiting).toMatchObject({
      files: [{ dest: '/out/x', revision: 2 }],
      errors: expect.arrayContaining([
        '/out/x: reload failed: exit 3',
        '/out/y: /c/templates/y.hbs:1:1: key does not exist: /b',
      ]),
    });
  });

  it('tells once that everything has been tried, and sums up a restart', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }, 12) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x'), resource('y'));
    expect(rig.events.filter(({ type }) => type === 'ready')).toEqual([
      { type: 'ready', revision: 12, inSync: 0, written: 2, failed: 0, held: 0 },
    ]);
    const again = new Rig({ source: rig.source, files: rig.files.reboot('all') });
    await again.start(resource('x'), resource('y'));
    await again.put({ '/a': '2' });
    expect(again.events.filter(({ type }) => type === 'ready')).toEqual([
      { type: 'ready', revision: 12, inSync: 2, written: 0, failed: 0, held: 0 },
    ]);
  });

  it('shows a source that is lost and since when, keeps its files and what it has seen, and says when it is back', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a');
    await rig.start(resource('x'));
    const { clock, renderer, source } = rig;
    expect(new Rig().renderer.status()).toMatchObject({ sourceState: 'idle', sourceRevision: 0 });
    const seenAt = clock.wallMs();
    expect(renderer.status()).toMatchObject({
      sourceState: 'connecting',
      sourceError: '',
      sourceRevision: 1,
    });
    source.find('h1:2379');
    expect(renderer.status()).toMatchObject({ sourceState: 'connected', sourceWhere: 'h1:2379' });
    clock.advance(10_000);
    source.lose('cut off from the leader', clock.wallMs() - 3_000);
    source.lose('and again');
    clock.advance(60_000);
    expect(renderer.status()).toMatchObject({
      sourceState: 'lost',
      sourceSince: seenAt + 7_000,
      sourceError: 'and again',
      sourceRevision: 1,
      sourceRevisionAt: seenAt,
    });
    expect(rig.out('x')).toBe('1');
    // What a member applies while it is cut off is rendered; that alone doesn't say that it isn't any more.
    await rig.put({ '/a': '2' });
    expect(renderer.status()).toMatchObject({ sourceState: 'lost', sourceRevision: 2 });
    source.find('h2:2379');
    source.find('h2:2379');
    expect(renderer.status()).toMatchObject({
      sourceState: 'connected',
      sourceSince: seenAt + 70_000,
      sourceWhere: 'h2:2379',
      sourceError: '',
    });
    const told = rig.log.filter((line) => line.includes('the source is'));
    expect(told).toEqual([
      'the source is lost, files stay as they are: cut off from the leader',
      'the source is back',
    ]);
    expect(rig.events.filter(({ type }) => type.startsWith('source'))).toMatchObject([
      { type: 'source lost', reason: 'cut off from the leader' },
      { type: 'source back', revision: 2 },
    ]);
  });

  it('names the keys that caused a file, and shows the difference to who asks for it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }), pass: { diffs: true } }).template('x', 'a $/a');
    await rig.start(resource('x'));
    await rig.put({ '/a': '2' });
    while (rig.events.filter(({ type }) => type === 'written').length < 2) await rig.clock.yield();
    expect(rig.events.filter(({ type }) => type === 'written').at(-1)).toMatchObject({
      causes: ['/a'],
      causeCount: 1,
      revision: 2,
      diff: expect.stringMatching(/^--- a\/out\/x\n\+\+\+ b\/out\/x\n@@ -1,1 \+1,1 @@\n-a 1\n.*\n\+a 2\n/),
    });
  });
});
