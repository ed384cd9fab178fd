import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Daemon, eventually, fileThat, scratch, writeFiles } from '../daemon.js';

/** Says in `said` what it is told, and with which text it was told it; ends with the code that is in the file `code`. */
const SERVICE = `#!/bin/sh
cd "$(dirname "$0")"
say() { echo "$1 $(cat a.out)" >> said; }
trap 'say reload' HUP
trap 'say usr1' USR1
trap 'say end; exit 0' TERM
say "start $*"
echo $$ > pid
while [ ! -e code ]; do sleep 0.05; done
exit "$(cat code)"
`;

/** A resource that can't be rendered before its key is there, and a service that lives on its file. */
function service(exec = ''): { folder: string; said: string; args: string[]; command: string[] } {
  const folder = scratch();
  writeFiles(folder, {
    'templates/a.hbs': '{{getv "/app/value"}}\n',
    'conf.d/a.toml': `[template]\nsrc = "a.hbs"\ndest = "${folder}/a.out"\nkeys = ["/app"]\n`,
    'confd.toml': exec,
    'service.sh': SERVICE,
  });
  const args = ['--confdir', folder, '--config-file', join(folder, 'confd.toml')];
  return { folder, said: join(folder, 'said'), args, command: ['sh', join(folder, 'service.sh')] };
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a supervised command', () => {
  test('starts when all files are there, is signalled when they change, ends with the daemon', async () => {
    const { folder, said, args, command } = service('[exec]\nreload_signal = "HUP"\n');
    const daemon = await Daemon.start({ args: [...args, '--', ...command, 'one', '--two'] });
    const shown = { what: () => daemon.process.output };
    await daemon.process.printed('key does not exist: /app/value');
    expect(existsSync(said)).toBe(false);
    await daemon.confetctl('put', '/app/value', '1');
    await fileThat(said, (text) => text === 'start one --two 1\n', shown);
    await daemon.confetctl('put', '/app/value', '2');
    await fileThat(said, (text) => text.endsWith('\nreload 2\n'), shown);
    daemon.process.signal('SIGUSR1');
    await fileThat(said, (text) => text.endsWith('\nusr1 2\n'), shown);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(isRunning(pid)).toBe(true);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(readFileSync(said, 'utf8')).toBe('start one --two 1\nreload 2\nusr1 2\nend 2\n');
    expect(isRunning(pid)).toBe(false);
  });

  test('without a reload signal it is started anew', async () => {
    const { said, args, command } = service(`[exec]\nkill_timeout = "5s"\n`);
    const daemon = await Daemon.start({ args: [...args, '--', ...command] });
    await daemon.confetctl('put', '/app/value', '1');
    await fileThat(said, (text) => text === 'start  1\n');
    await daemon.confetctl('put', '/app/value', '2');
    await fileThat(said, (text) => text === 'start  1\nend 2\nstart  2\n');
    expect((await daemon.stop()).code).toBe(0);
  });

  test('that ends by itself ends the daemon, with its own exit code', async () => {
    const found = service();
    writeFiles(found.folder, {
      'confd.toml': `[exec]\ncommand = ["sh", "${found.folder}/service.sh"]\n`,
    });
    const daemon = await Daemon.start({ args: found.args });
    await daemon.confetctl('put', '/app/value', '1');
    await fileThat(found.said, (text) => text.startsWith('start'));
    writeFiles(found.folder, { code: '7' });
    expect(await daemon.process.exited).toEqual({ code: 7, signal: null });
    expect(daemon.process.output).toContain('the supervised command has ended by itself');
  });

  test('that can’t be found: 127, as in a shell', async () => {
    const { folder, args } = service();
    const daemon = await Daemon.start({ args: [...args, '--', join(folder, 'none')] });
    await daemon.confetctl('put', '/app/value', '1');
    expect(await daemon.process.exited).toEqual({ code: 127, signal: null });
    expect(daemon.process.output).toContain(`can't run ${folder}/none`);
  });

  test('a second signal doesn’t wait for one that won’t end, and doesn’t leave it behind', async () => {
    const { folder, args } = service();
    writeFiles(folder, {
      'stubborn.sh': `trap '' TERM\necho $$ > "${folder}/pid"\nwhile :; do sleep 0.05; done\n`,
    });
    const daemon = await Daemon.start({ args: [...args, '--', 'sh', join(folder, 'stubborn.sh')] });
    await daemon.confetctl('put', '/app/value', '1');
    const pid = Number(await fileThat(join(folder, 'pid'), (text) => text !== ''));
    daemon.process.signal('SIGTERM');
    expect((await daemon.process.end('SIGINT')).code).toBe(1);
    await eventually(() => expect(isRunning(pid)).toBe(false));
  });
});
