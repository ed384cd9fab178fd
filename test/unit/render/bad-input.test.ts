import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { renderPorts } from '../../../src/main/render-ports.js';
import { NodeResolver } from '../../../src/render/resolver.js';
import { Templates } from '../../../src/render/templates.js';
import { contextOf } from './support.js';

const SECRET = 'a secret';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bad-input-'));
  mkdirSync(join(folder, 'templates/sub'), { recursive: true });
  writeFileSync(join(folder, 'secret'), SECRET);
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): void {
  writeFileSync(join(folder, 'templates', name), text);
}

/** As the daemon compiles and renders it. */
async function outcome(name: string, world: Parameters<typeof contextOf>[0] = {}): Promise<string> {
  const ports = renderPorts(new NodeClock(), silentLog);
  const templates = new Templates(join(folder, 'templates'), ports.files, (extension) =>
    ports.engine(extension),
  );
  const { template, error } = await templates.compile(join(folder, 'templates', name));
  if (template === undefined) return error.replaceAll(folder, '');
  try {
    return template.render(contextOf(world));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'template')
      return error.message.replaceAll(folder, '');
    throw error;
  }
}

describe('a link in the templates folder', () => {
  it.each(['t.tmpl', 't.hbs'])('may lead out of it, as in confd: %s', async (name) => {
    symlinkSync(join(folder, 'secret'), join(folder, 'templates', name));
    expect(await outcome(name)).toBe(SECRET);
  });

  it('may be what another template includes, in both languages', async () => {
    symlinkSync('../secret', join(folder, 'templates/s.tmpl'));
    symlinkSync('../../secret', join(folder, 'templates/sub/s.hbs'));
    put('t.tmpl', '{{include "s.tmpl"}}');
    put('t.hbs', '{{> sub/s}}');
    expect(await outcome('t.tmpl')).toBe(SECRET);
    expect(await outcome('t.hbs')).toBe(SECRET);
  });

  it('to a file may be included by a computed name, one to a folder elsewhere is not read', async () => {
    symlinkSync(join(folder, 'secret'), join(folder, 'templates/s.tmpl'));
    symlinkSync(folder, join(folder, 'templates/out'));
    put('t.tmpl', '\n{{include (getv "/n")}}');
    expect(await outcome('t.tmpl', { keys: { '/n': 's.tmpl' } })).toBe(`\n${SECRET}`);
    expect(await outcome('t.tmpl', { keys: { '/n': 'out' } })).toMatch(
      /^template: t\.tmpl:2:2: .*: include out: \/templates\/out is a link to .*, which is outside/,
    );
    expect(await outcome('t.tmpl', { keys: { '/n': 'out/secret' } })).toContain(
      'there is no template "out/secret"',
    );
  });

  it('may lead to another place in it, and the folder itself may be a link', async () => {
    put('sub/real.tmpl', 'real');
    symlinkSync('sub/real.tmpl', join(folder, 'templates/t.tmpl'));
    symlinkSync('templates', join(folder, 'linked'));
    expect(await outcome('t.tmpl')).toBe('real');
    expect(await outcome('../linked/t.tmpl')).toBe('real');
  });
});

describe('a template that is no file', () => {
  it.each(['t.tmpl', 't.hbs'])('a pipe or a folder is refused at once: %s', async (name) => {
    execFileSync('mkfifo', [join(folder, 'templates', name)]);
    expect(await outcome(name)).toMatch(
      new RegExp(`/templates/${name}.* can't be read: not a regular file$`),
    );
    rmSync(join(folder, 'templates', name));
    mkdirSync(join(folder, 'templates', name));
    expect(await outcome(name)).toMatch(
      new RegExp(`/templates/${name}.* can't be read: not a regular file$`),
    );
  });
});

describe('a variable of 100 MB', () => {
  const env = { BIG: 'x'.repeat(100 << 20) };
  it.each([
    [
      't.tmpl',
      /^template: t\.tmpl:2:2: executing "t\.tmpl" at <getenv "BIG">: .*passes its limit of 1000000 bytes$/,
    ],
    ['t.hbs', /^\/templates\/t\.hbs:2:3: getenv: the output passes its limit of 1000000 bytes$/],
  ])('is refused at its place: %s', async (name, told) => {
    put(name, '\n{{getenv "BIG"}}');
    expect(await outcome(name, { env })).toMatch(told);
  });
});

describe('a file that a template reads', () => {
  const contents = (path: string) =>
    new NodeResolver().resolve<'file'>({ type: 'file', path }, new AbortController().signal);

  it('is a regular one of 4 MiB at most', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, 'large'), Buffer.alloc((4 << 20) + 1));
    for (const path of [join(folder, 'pipe'), '/dev/zero', folder])
      await expect(contents(path), path).rejects.toThrow('not a regular file');
    await expect(contents(join(folder, 'large'))).rejects.toThrow('larger than 4194304 bytes');
    expect(await contents(join(folder, 'secret'))).toBe('a secret');
  });
});
