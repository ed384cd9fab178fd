import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { renderPorts } from '../../../src/main/render-ports.js';
import { Templates } from '../../../src/render/templates.js';
import { contextOf } from './support.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'computed-'));
  mkdirSync(join(folder, 'parts'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('a template with a computed include is compiled anew when a file below the folder changes, comes or goes', async () => {
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  put('t.tmpl', '{{include (getv "/n")}}');
  put('plain.tmpl', '{{include "parts/a"}}');
  put('parts/a', 'one');
  const ports = renderPorts(new NodeClock(), silentLog);
  const templates = new Templates(folder, ports.files, (extension) => ports.engine(extension));
  const compiled = async (name: string) => {
    const { template, error } = await templates.compile(join(folder, name));
    if (template === undefined) throw new Error(error);
    return template;
  };
  const text = async (n: string) => (await compiled('t.tmpl')).render(contextOf({ keys: { '/n': n } }));
  expect(await text('parts/a')).toBe('one');
  const [first, plain] = [await compiled('t.tmpl'), await compiled('plain.tmpl')];
  expect(await compiled('t.tmpl')).toBe(first);
  put('parts/a', 'another');
  expect(await text('parts/a')).toBe('another');
  expect(await compiled('t.tmpl')).not.toBe(first);
  expect(await compiled('plain.tmpl')).not.toBe(plain);
  const second = await compiled('plain.tmpl');
  put('parts/b', 'new');
  expect(await text('parts/b')).toBe('new');
  expect(await compiled('plain.tmpl')).toBe(second);
  rmSync(join(folder, 'parts/b'));
  await expect(text('parts/b')).rejects.toThrow('there is no template "parts/b"');
});
