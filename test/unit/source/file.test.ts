import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSource, type WatchPaths } from '../../../src/source/file.js';
import { numberText } from '../../../src/source/flatten.js';
import type { ChangeBatch, Snapshot, SourceListener } from '../../../src/source/types.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-source-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const never: WatchPaths = () => Promise.resolve({ close: () => Promise.resolve() });
const signal = new AbortController().signal;

/** Keys and values of files with these contents. */
async function keysOf(files: Record<string, string | Buffer>): Promise<Record<string, string>> {
  for (const [name, content] of Object.entries(files)) await writeFile(at(name), content);
  const { pairs } = await new FileSource(Object.keys(files).map(at), never).load([''], signal);
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

const failure = (files: Record<string, string | Buffer>) =>
  keysOf(files).then(
    () => 'no failure',
    (error: Error & { code?: string }) => `${error.code} ${error.message.replaceAll(folder, '')}`,
  );

describe('keys of files', () => {
  it('are the paths of nested maps, as confd reads its golden data', async () => {
    const path = fileURLToPath(new URL('../../fixtures/source/data.yaml', import.meta.url));
    const { pairs, origin, revision } = await new FileSource([path], never).load([''], signal);
    expect([origin, revision]).toEqual([`file:${path}`, 1]);
    const keys = pairs.map(({ key }) => key);
    expect(keys).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
    const values = Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
    expect(values).toMatchObject({
      '/key': 'foobar',
      '/empty': '',
      '/database/port': '3306',
      '/upstream/app10': '10.0.1.9:8080',
      '/nested/west/deep/x': '3',
      '/services/web/b': '{"Id":"host2"}',
      '/multi': 'l1\nl2',
      '/uni': 'héllo ☃',
    });
    expect(keys).toHaveLength(21);
  });

  it('are the same from YAML and from JSON: lists by index, numbers without exponents, no absent values', async () => {
    const expected = {
      '/list/0': 'a',
      '/list/1/x': '1',
      '/list/2': 'true',
      '/n/int': '1000000',
      '/n/huge': '12345678901234567890',
      '/n/float': '1.5',
      '/n/exp': '1000000000000000000000',
      '/n/tiny': '0.0000001',
      '/text': '007',
      '/7': 'seven',
      '/a/b/c': 'd',
    };
    const json =
      '{"list":["a",{"x":1},true,null],"n":{"int":1000000,"huge":12345678901234567890,"float":1.50,"exp":1e21,"tiny":1e-7},"text":"007","7":"seven","none":null,"empty":{},"a//b/":{"c":"d"}}';
    const yaml =
      'list: [a, {x: 1}, true, ~]\nn: {int: 1000000, huge: 12345678901234567890, float: 1.50, exp: 1e21, tiny: 1e-7}\ntext: "007"\n7: seven\nnone:\nempty: {}\na//b/: {c: d}\n';
    expect(await keysOf({ 'a.json': json })).toEqual(expected);
    expect(await keysOf({ 'a.yaml': yaml })).toEqual(expected);
    expect(await keysOf({ 'b.json': '{"a": 1, "b": {"c": [false]}}' })).toEqual({
      '/a': '1',
      '/b/c/0': 'false',
    });
  });

  it('keep what YAML 1.1 would have changed', async () => {
    const yaml = 'yes: no\nport: 22:22\nday: 2001-12-14\nbase: &b {x: 1}\nuse: {<<: *b, y: 2}\n';
    expect(await keysOf({ 'a.yml': yaml })).toEqual({
      '/yes': 'no',
      '/port': '22:22',
      '/day': '2001-12-14',
      '/base/x': '1',
      '/use/x': '1',
      '/use/y': '2',
    });
  });

  it('come from several files and folders, the last one counting', async () => {
    await mkdir(at('d/deep'), { recursive: true });
    await writeFile(at('d/deep/1.yml'), 'a: deep\nc: 3');
    await writeFile(at('d/notes.txt'), 'not: read');
    await writeFile(at('d/.hidden.yaml'), 'not: read');
    await writeFile(at('d/z.json'), '{"a": "z"}');
    await writeFile(at('first.yaml'), 'a: first\nb: 1\n');
    const source = new FileSource([at('first.yaml'), at('d')], never);
    const { pairs } = await source.load([''], signal);
    expect(pairs.map(({ key, value }) => `${key}=${value}`)).toEqual(['/a=z', '/b=1', '/c=3']);
    expect((await source.load(['/b', '/c'], signal)).pairs.map(({ key }) => key)).toEqual(['/b', '/c']);
  });

  it('print numbers as Go does', () => {
    const texts = [
      0,
      -0,
      0.1,
      -1.5e-9,
      1.25e22,
      123e20,
      5e-324,
      -1e300,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ].map(numberText);
    expect(texts.slice(0, 6)).toEqual([
      '0',
      '-0',
      '0.1',
      '-0.0000000015',
      '12500000000000000000000',
      '12300000000000000000000',
    ]);
    expect(texts[6]).toBe(`0.${'0'.repeat(323)}5`);
    expect(texts[7]).toBe(`-1${'0'.repeat(300)}`);
    expect(texts.slice(8)).toEqual(['+Inf', 'NaN']);
  });
});

describe('a broken file', () => {
  it('is named with line and column', async () => {
    expect(await failure({ 'a.yaml': 'a: 1\nb: [1, 2\nc: 3\n' })).toMatch(/^source \/a\.yaml:[23]:\d+: \S/);
    const json = (text: string) => failure({ 'a.json': text });
    expect(await json('{\n  "a": 1,\n  "b": }\n')).toMatch(
      /^source \/a\.json:3:8: not valid JSON: Unexpected token '}'$/,
    );
    expect(await json('{"a": "x\n"}')).toMatch(
      /^source \/a\.json:1:9: not valid JSON: Bad control character/,
    );
    expect(await json('{"a": 1')).toMatch(/^source \/a\.json:1:8: not valid JSON: \S/);
    expect(await json('{"a": tru}')).toMatch(/^source \/a\.json:1:10: not valid JSON: \S/);
    expect(await json('{"a": 1} x')).toMatch(/^source \/a\.json:1:10: not valid JSON: \S/);
    expect(await failure({ 'a.yaml': 'a: 1\na: 2\n' })).toMatch(
      /^source \/a\.yaml:2:1: Map keys must be unique/,
    );
    expect(await failure({ 'a.yaml': '- a\n' })).toBe('source /a.yaml: expected a map of keys at the top');
    expect(await failure({ 'a.yaml': Buffer.from([0x61, 0x3a, 0x20, 0xff]) })).toMatch(/not UTF-8/);
    expect(await failure({ 'a.yaml': '? {x: 1}\n: y\n' })).toMatch(/a key is neither text nor a number/);
    const deep = `a: ${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(await failure({ 'a.yaml': deep })).toMatch(/^source \/a\.yaml/);
    const bomb = `a: &a [x]\n${'bcdefgh'.replace(/./g, (n, i: number) => `${n}: &${n} [${`*${'abcdefg'[i]},`.repeat(20)}]\n`)}`;
    expect(await failure({ 'a.yaml': bomb })).toMatch(/^source \/a\.yaml/);
  });

  it('that is missing says so', async () => {
    const source = new FileSource([at('none.yaml')], never);
    await expect(source.load([''], signal)).rejects.toThrow(`${at('none.yaml')}: no such file`);
  });

  it('may be empty', async () => {
    expect(await keysOf({ 'a.yaml': '# nothing\n', 'b.json': 'null' })).toEqual({});
  });
});

/** A watch that tells when told to. */
function manualWatch() {
  let change = (): void => {};
  let closed = 0;
  const watch: WatchPaths = (_paths, tell) => {
    change = tell.onChange;
    return Promise.resolve({
      close: () => {
        closed++;
        return Promise.resolve();
      },
    });
  };
  return { watch, change: () => change(), closed: () => closed };
}

/** What a listener was told, in order, and a way to wait for it. */
class Told implements SourceListener {
  readonly events: (Snapshot | ChangeBatch | string)[] = [];
  /** How often it was said that all is well. */
  finds = 0;
  #wake = (): void => {};
  found = (): void => {
    this.finds++;
    this.#wake();
  };
  snapshot = (snapshot: Snapshot) => this.#add(snapshot);
  changes = (batch: ChangeBatch) => this.#add(batch);
  lost = (reason: string) => this.#add(reason);
  async until(count: number): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  async untilFound(count: number): Promise<void> {
    while (this.finds < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  #add(event: Snapshot | ChangeBatch | string): void {
    this.events.push(event);
    this.#wake();
  }
}

describe('following files', () => {
  it('tells a snapshot, then each change as a revision of its own, to each follower its part', async () => {
    const { watch, change, closed } = manualWatch();
    await writeFile(at('a.yaml'), 'a: 1\nb: 2\n');
    const source = new FileSource([at('a.yaml')], watch);
    const [all, some] = [new Told(), new Told()];
    const following = [source.follow([''], all), source.follow(['/a'], some)];
    await all.until(1);
    await some.until(1);
    expect(some.events[0]).toMatchObject({ revision: 1, pairs: [{ key: '/a', value: '1', modRevision: 1 }] });

    await writeFile(at('a.yaml'), 'a: 1\nb: 3\nc: 4\n');
    change();
    await some.until(2);
    expect(all.events[1]).toEqual({
      revision: 2,
      changes: [
        { type: 'put', pair: { key: '/b', value: '3', modRevision: 2 } },
        { type: 'put', pair: { key: '/c', value: '4', modRevision: 2 } },
      ],
      committedAtMs: undefined,
    });
    expect(some.events[1]).toMatchObject({ revision: 2, changes: [] });

    await writeFile(at('a.yaml'), 'b: 3\n');
    change();
    await some.until(3);
    expect(some.events[2]).toMatchObject({
      revision: 3,
      changes: [{ type: 'delete', key: '/a', modRevision: 3 }],
    });
    expect((await source.load([''], signal)).revision).toBe(3);

    for (const one of following) await one.close();
    expect(closed()).toBe(1);
    await writeFile(at('a.yaml'), 'b: 5\n');
    await source.load([''], signal);
    expect(all.events).toHaveLength(3);
    await source.close();
  });

  it('keeps the last good state of a broken file, says so once, and says when all is well', async () => {
    const { watch, change } = manualWatch();
    await writeFile(at('a.yaml'), 'a: 1\n');
    const source = new FileSource([at('a.yaml')], watch);
    const told = new Told();
    source.follow([''], told);
    await told.until(1);
    await writeFile(at('a.yaml'), 'a: [\n');
    change();
    await told.until(2);
    expect(told.events[1]).toMatch(/a\.yaml:\d+:\d+: /);
    await rm(at('a.yaml'));
    change();
    await expect(source.load([''], signal)).rejects.toThrow('no such file');
    expect(told.events).toHaveLength(2);
    await writeFile(at('a.yaml'), 'a: 1\n');
    change();
    await told.untilFound(2);
    expect(told.events).toHaveLength(2);
    await source.close();
  });

  it('starts with trouble, and gets its snapshot when there is one', async () => {
    const { watch, change } = manualWatch();
    const source = new FileSource([at('a.yaml')], watch);
    const told = new Told();
    source.follow([''], told);
    await told.until(1);
    expect(told.events[0]).toContain('no such file');
    expect(told.finds).toBe(0);
    await writeFile(at('a.yaml'), 'a: 1\n');
    change();
    await told.until(2);
    expect(told.events[1]).toMatchObject({ revision: 1, pairs: [{ key: '/a' }] });
    await source.close();
  });
});
