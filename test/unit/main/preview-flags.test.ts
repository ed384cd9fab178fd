import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  RENDER_FLAGS,
  readPreviewLine,
  revisionsOf,
  VALIDATE_FLAGS,
} from '../../../src/main/preview-flags.js';

const folder = mkdtempSync(join(tmpdir(), 'confetd-preview-flags-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const read = readPreviewLine(RENDER_FLAGS, argv, env);
  if (read === undefined) throw new Error('help');
  return read;
};

describe('the line of confetd render', () => {
  it('takes flags before and after destinations, and a backend as its first word', () => {
    const { flags, own, words } = line([
      'file',
      '--file=k.yaml',
      'a.toml',
      '--diff',
      '/etc/b',
      '--at-revision',
      '7',
    ]);
    expect([flags.backend, flags.file, words]).toEqual(['file', ['k.yaml'], ['a.toml', '/etc/b']]);
    expect([own.diff, own['at-revision']]).toEqual([true, 7]);
    expect(line(['./env']).words).toEqual(['./env']);
    expect(() => line(['env', '--backend', 'file'])).toThrow(
      '--backend and env both name the backend: keep one',
    );
  });

  it('takes the daemon’s settings from the environment and the file, and what it shows from the line alone', () => {
    const file = join(folder, 'confd.toml');
    writeFileSync(file, 'confdir = "/c"\ninterval = 5\nonetime = true\ndiff = true\nnodes = ["a:1"]\n');
    const { flags, own, warnings } = line(['--config-file', file], {
      CONFD_PREFIX: '/p',
      CONFETD_NAME: 'n1',
      CONFETD_DIFF: 'true',
    });
    expect([flags.confdir, flags.prefix, flags.node, flags.backend]).toEqual(['/c', '/p', ['a:1'], 'etcd']);
    expect([own.diff, warnings]).toEqual([false, []]);
  });

  it('asks the member on this host unless told otherwise', () => {
    expect(line([]).flags.backend).toBe('embedded');
  });

  it('refuses flags that mean nothing here', () => {
    expect(() => line(['--onetime'])).toThrow('unknown flag: --onetime');
    expect(() => line(['--data-dir', 'x'])).toThrow('unknown flag: --data-dir');
    expect(() => readPreviewLine(VALIDATE_FLAGS, ['--node', 'x'], {})).toThrow('unknown flag: --node');
  });

  it('help wins over all of it', () => {
    expect(readPreviewLine(RENDER_FLAGS, ['--diff', '-h'], {})).toBeUndefined();
  });
});

describe('--between', () => {
  it('takes two words, or one with both', () => {
    const { own, words } = line(['--between', '5', '9', 'a.toml']);
    expect([revisionsOf(own.between), words]).toEqual([{ from: 5, to: 9 }, ['a.toml']]);
    expect(revisionsOf(line(['--between=5..9']).own.between)).toEqual({ from: 5, to: 9 });
    expect(revisionsOf(line(['--between', '5:5']).own.between)).toEqual({ from: 5, to: 5 });
    expect(revisionsOf('')).toBeUndefined();
  });

  it.each(['5', 'a..b', '0..3', '1..99999999999999999999'])('refuses %s', (text) => {
    expect(() => revisionsOf(text)).toThrow('--between takes two revisions, from 1: --between 5 9');
  });

  it('refuses the later one first, with the order to use', () => {
    expect(() => revisionsOf('9..5')).toThrow('the earlier revision comes first: write --between 5 9');
  });
});
