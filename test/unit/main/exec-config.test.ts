import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../../src/main/config.js';
import { commandWithOtherPorts } from '../../../src/main/other-ports.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'confetd-exec-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(argv: readonly string[], text = '') {
  const path = join(folder, 'confd.toml');
  writeFileSync(path, text);
  const config = readConfig(['-config-file', path, ...argv], {});
  if (config === undefined) throw new Error('help was not asked for');
  return config;
}

test('without a command there is none', () => {
  expect(read([]).exec).toBeUndefined();
});

test('the words after -- are a command, flags of its own included', () => {
  const { exec, flags } = read(['--prefix=/p', '--', 'nginx', '-g', '--', '--prefix=/q']);
  expect(exec?.command).toEqual(['nginx', '-g', '--', '--prefix=/q']);
  expect(flags.prefix).toBe('/p');
  expect(read(['env', '--', 'nginx'])).toMatchObject({
    exec: { command: ['nginx'] },
    flags: { backend: 'env' },
  });
});

test('[exec] of confd.toml says how it is treated, and a command after -- wins over its own', () => {
  const text = 'interval = 1\n[exec]\ncommand = "own"\nreload_signal = "SIGHUP"\nkill_timeout = "2s"\n';
  expect(read([], text).exec).toMatchObject({ command: 'own', reloadSignal: 'SIGHUP', killTimeoutMs: 2_000 });
  const { exec, warnings } = read(['--', 'other'], text);
  expect(exec).toMatchObject({ command: ['other'], reloadSignal: 'SIGHUP' });
  expect(warnings).toEqual([]);
});

test('[exec] for a daemon leaves the one-shots of the same file alone', () => {
  expect(read(['--no-render'], '[exec]\ncommand = "own"\n').warnings).toEqual([
    expect.stringMatching(/^\[exec\] in .* has no effect with --no-render/),
  ]);
  expect(read(['--onetime', '-node=a'], '[exec]\ncommand = "own"\n').flags.onetime).toBe(true);
});

test.each([
  [[], '[exec]\n', /confd\.toml:1:\d+: command is missing/],
  [
    [],
    '\n[exec]\ncommand = "x"\nreload_signal = "HOP"\n',
    /confd\.toml:4:\d+: reload_signal = "HOP" is no signal/,
  ],
  [
    [],
    '[exec]\ncommand = "x"\nreload_sgnal = "HUP"\n',
    /confd\.toml:3:1: unknown key reload_sgnal: did you mean/,
  ],
  [[], 'exec = 1\n', /confd\.toml:1:\d+: exec is 1: expected a table/],
  [['--'], '', /-- is followed by no command/],
  [['--', ''], '', /-- is followed by no command/],
  [['--onetime', '--', 'x'], '', /--onetime runs no command/],
  [['--no-render', '--', 'x'], '', /--no-render runs no command/],
])('%j with %j is refused', (argv, text, sentence) => {
  expect(() => read(argv, text)).toThrow(sentence);
});

test('a command line with other ports keeps its command, and that command’s flags', () => {
  const { flags } = read([]);
  const command = ['--', 'etcd', '--listen-peer-urls', 'http://h:1'];
  expect(commandWithOtherPorts(['--name=a', ...command], flags)).toMatch(
    /^confetd --name=a --listen-client-urls=\S+ --advertise-client-urls=\S+ --listen-peer-urls=\S+ -- etcd --listen-peer-urls http:\/\/h:1$/,
  );
});
