import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Child } from '../child.js';
import { claimPort, Daemon, runConfetd, scratch, writeFiles } from '../daemon.js';

const BIN = resolve(import.meta.dirname, '../../bin');
/** util-linux's, which every Debian has. */
const SCRIPT = '/usr/bin/script';
const CLEAR = '\r\u001b[2K';

/** A program on a terminal of its own; it prints its process ID first. */
function onTerminal(program: 'confetd' | 'confetctl', args: readonly string[], term = 'xterm'): Child {
  const words = [process.execPath, join(BIN, `${program}.cjs`), ...args].map((word) => `'${word}'`);
  const line = `stty cols 200; echo "PID $$."; TERM=${term} exec ${words.join(' ')}`;
  return new Child(SCRIPT, ['-qefc', line, '/dev/null']);
}

async function pidOf(child: Child): Promise<number> {
  return Number(/\d+/.exec(await child.printed(/PID \d+\./))?.[0]);
}

/** The lines that stay on the screen. */
function remaining(output: string): string {
  return output
    .split(/\r?\n/)
    .map((line) => line.split(CLEAR).at(-1) ?? '')
    .join('\n');
}

function folderOf(command = 'sleep 2'): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/a.tmpl': '{{getv "/progress/a" "none"}}\n',
    'conf.d/a.toml': `[template]\nsrc = "a.tmpl"\ndest = "${folder}/a.out"\ncheck_cmd = "${command}"\n`,
  });
  return folder;
}

describe.skipIf(!existsSync(SCRIPT))('a status line', () => {
  test('of a one-shot tells which command it runs, is gone at the end, and is not there on a pipe', async () => {
    const folder = folderOf();
    const args = ['--onetime', '--backend', 'env', '--confdir', folder];
    const [shown, piped] = [
      onTerminal('confetd', args),
      runConfetd([...args.slice(0, -1), folderOf('sleep 1')], { cwd: folder }),
    ];
    expect((await shown.exited).code).toBe(0);
    expect(shown.stdout).toMatch(/running check of \S*a\.out for 1 s/);
    expect(remaining(shown.stdout)).not.toContain('running check');
    expect(remaining(shown.stdout)).toContain('has been updated\n');
    const { code, stdout, stderr } = await piped;
    expect(code).toBe(0);
    for (const mark of ['running check', '\r', '\u001b']) expect(stdout + stderr).not.toContain(mark);
  });

  test.each([
    ['with --log-format json', ['--log-format', 'json'], 'xterm'],
    ['with TERM=dumb', [], 'dumb'],
  ])('is not there %s', async (_name, more, term) => {
    const args = ['--onetime', '--backend', 'env', '--confdir', folderOf('sleep 1'), ...more];
    const shown = onTerminal('confetd', args, term);
    expect((await shown.exited).code).toBe(0);
    for (const mark of ['running check', CLEAR]) expect(shown.stdout).not.toContain(mark);
  });

  test('of a one-shot tells which backend it waits for', async () => {
    const node = `http://127.0.0.1:${await claimPort()}`;
    const source = ['--backend', 'etcdv3', '--node', node, '--timeout', '2s'];
    const shown = onTerminal('confetd', ['--onetime', ...source, '--confdir', folderOf()]);
    expect((await shown.exited).code).toBe(1);
    expect(shown.stdout).toContain(`waiting for the backend at ${node} for 1 s`);
    expect(remaining(shown.stdout)).not.toContain('waiting for the backend');
    expect(remaining(shown.stdout)).toMatch(/^confetd: .*(ECONNREFUSED|no answer)/m);
  });

  test('of render tells which backend it waits for, and is not there where its output is JSON', async () => {
    const node = `http://127.0.0.1:${await claimPort()}`;
    const source = ['--backend', 'etcdv3', '--node', node, '--timeout', '2s'];
    const args = ['render', ...source, '--confdir', folderOf()];
    const [shown, json] = [onTerminal('confetd', args), onTerminal('confetd', [...args, '--output', 'json'])];
    expect((await shown.exited).code).toBe(1);
    expect(shown.stdout).toContain(`waiting for the backend at ${node} for 1 s`);
    expect(remaining(shown.stdout)).not.toContain('waiting for the backend');
    expect(remaining(shown.stdout)).toMatch(/^confetd: .*(ECONNREFUSED|no answer)/m);
    expect((await json.exited).code).toBe(1);
    expect(json.stdout).not.toContain('waiting for the backend');
  });

  test('of put --wait names the files that are awaited; of lock, the lock', async () => {
    const folder = folderOf();
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    const at = ['--endpoints', daemon.endpoint];
    const put = onTerminal('confetctl', [...at, 'put', '--wait', '/progress/a', '1']);
    expect((await put.exited).code).toBe(0);
    expect(put.stdout).toMatch(/waiting for revision 2 to be rendered for [12] s: \S*a\.out/);
    expect(remaining(put.stdout)).toMatch(/^OK\n\S*a\.out {2}rev 2 /m);
    expect(remaining(put.stdout)).not.toContain('waiting');

    const cut = onTerminal('confetctl', [...at, 'put', '--wait', '/progress/a', '2']);
    await cut.printed('waiting for revision 3');
    process.kill(await pidOf(cut), 'SIGINT');
    await cut.exited;
    expect(remaining(cut.stdout)).not.toContain('waiting');

    const first = onTerminal('confetctl', [...at, 'lock', 'progress']);
    await first.printed('progress/');
    const second = onTerminal('confetctl', [...at, 'lock', 'progress']);
    const pids = [await pidOf(first), await pidOf(second)];
    await second.printed('waiting for the lock progress for 1 s');
    process.kill(pids[0] ?? 0, 'SIGTERM');
    await second.printed(/\n?progress\/\w+/);
    process.kill(pids[1] ?? 0, 'SIGTERM');
    await second.exited;
    expect(remaining(second.stdout)).not.toContain('waiting');
    expect(first.stdout).not.toContain('waiting');
    await daemon.stop();
  });

  test('of a daemon tells what its start waits for, and lets its lines be read', async () => {
    const folder = folderOf('true');
    const store = await Daemon.start({ args: ['--no-render'] });
    await store.confetctl('put', '/progress/a', '1');
    await store.stop();
    const shown = onTerminal('confetd', ['--confdir', folder, '--backend', 'etcdv3', '--node', store.url]);
    const pid = await pidOf(shown);
    await shown.printed(`waiting for the keys from ${store.url} for 1 s`);
    await shown.printed('ECONNREFUSED');
    await store.restart();
    await shown.printed('written');
    process.kill(pid, 'SIGTERM');
    expect((await shown.exited).code).toBe(0);
    expect(remaining(shown.stdout)).not.toContain('waiting for the keys');
    expect(remaining(shown.stdout)).toMatch(/etcdv3 lost\S* {2}.*ECONNREFUSED/);
    expect(remaining(shown.stdout)).toMatch(/a\.out {2}\S*written/);
    await store.stop();
  });
});
