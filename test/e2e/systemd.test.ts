import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Daemon, fileThat, scratch, writeFiles } from '../daemon.js';

/** A systemd-notify that writes down what it is told, and whether the file was there. */
function underSystemd(folder: string, variables: Readonly<Record<string, string>>) {
  writeFiles(folder, {
    'bin/systemd-notify': `#!/bin/sh\necho "$* $(cat "${folder}/a.out" 2>/dev/null)" >> "${folder}/told"\n`,
  });
  chmodSync(join(folder, 'bin/systemd-notify'), 0o755);
  return { PATH: `${folder}/bin:${process.env.PATH}`, NOTIFY_SOCKET: '/run/none', ...variables };
}

test('systemd is told when the first pass is done, that all is well, and of the end; commands can’t tell it', async () => {
  const folder = scratch();
  writeFiles(folder, {
    'templates/a.hbs': 'text\n',
    'conf.d/a.toml': `[template]\nsrc = "a.hbs"\ndest = "${folder}/a.out"\nreload_cmd = "env > ${folder}/environment"\n`,
  });
  const env = underSystemd(folder, { WATCHDOG_USEC: '200000' });
  const daemon = await Daemon.start({ args: ['--confdir', folder], env });
  const told = join(folder, 'told');
  await fileThat(told, (text) => text.includes('READY=1 STATUS=files: 1 written text\n'));
  await fileThat(told, (text) => /READY=1.*\n(?:.*\n)*WATCHDOG=1 text\nWATCHDOG=1 text\n/.test(text));
  expect(readFileSync(join(folder, 'environment'), 'utf8')).not.toMatch(/NOTIFY_SOCKET|WATCHDOG_USEC/);
  expect((await daemon.stop()).code).toBe(0);
  expect(readFileSync(told, 'utf8')).toContain('STOPPING=1 text\n');
});

test('a plain store is ready when it serves; without a watchdog nothing more is told', async () => {
  const folder = scratch();
  const daemon = await Daemon.start({ args: ['--no-render'], env: underSystemd(folder, {}) });
  await fileThat(join(folder, 'told'), (text) => text === 'READY=1 STATUS=serving clients \n');
  await daemon.stop();
  expect(readFileSync(join(folder, 'told'), 'utf8')).toBe('READY=1 STATUS=serving clients \nSTOPPING=1 \n');
});
