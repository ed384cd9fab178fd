import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Daemon, fileThat, scratch, writeFiles } from '../daemon.js';

/** A resource whose reload says that it began, then waits until the file `go` is there. */
function slowReload(): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/a.hbs': 'value {{#each (gets "/app/*") as |pair|}}{{pair.value}}{{/each}}\n',
    'reload.sh': `cd "${folder}"
echo "began $(cat a.out)" >> reloads
tries=0
while [ ! -e go ] && [ $tries -lt 1000 ]; do sleep 0.02; tries=$((tries + 1)); done
echo "done $(cat a.out)" >> reloads
`,
    'conf.d/a.toml': `[template]
src = "a.hbs"
dest = "${folder}/a.out"
keys = ["/app"]
reload_cmd = ["sh", "${folder}/reload.sh"]
`,
  });
  return folder;
}

const count = (text: string, line: string): number =>
  text.split('\n').filter((found) => found === line).length;

describe('reloads', () => {
  test('one that runs when the daemon is killed is run again by the next', async () => {
    const folder = slowReload();
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    const reloads = join(folder, 'reloads');
    await fileThat(reloads, (text) => count(text, 'began value ') === 1);
    await daemon.kill();
    writeFiles(folder, { go: '' });
    await daemon.restart();
    // The file is as it should be: only the reload is due.
    await fileThat(reloads, (text) => count(text, 'began value ') === 2, {
      what: () => daemon.process.output,
    });
    expect(daemon.process.output).not.toContain('has been updated');
    await daemon.process.printed('"reloaded"');
    await daemon.stop();
    await daemon.restart();
    await daemon.confetctl('put', '--wait', '/app/value', '2');
    // Neither a stop in good order nor a start makes one too many.
    expect(count(readFileSync(reloads, 'utf8'), 'began value ')).toBe(2);
    expect(count(readFileSync(reloads, 'utf8'), 'done value 2')).toBe(1);
    await daemon.stop();
  });

  test('changes during a reload wait for it: one more run for all of them, with the newest', async () => {
    const folder = slowReload();
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    const reloads = join(folder, 'reloads');
    await fileThat(reloads, (text) => count(text, 'began value ') === 1);
    for (const value of ['1', '2', '3']) await daemon.confetctl('put', '/app/value', value);
    writeFiles(folder, { go: '' });
    await fileThat(reloads, (text) => count(text, 'done value 3') === 1, {
      what: () => daemon.process.output,
    });
    expect(count(readFileSync(reloads, 'utf8'), 'began value 3')).toBe(1);
    await daemon.stop();
  });

  test('one that fails is told, and retried until it succeeds', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/a.hbs': 'x\n',
      'conf.d/a.toml': `[template]\nsrc = "a.hbs"\ndest = "${folder}/a.out"\nreload_cmd = "test -e ${folder}/ready || { echo not yet; exit 3; }"\n`,
    });
    const daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    await daemon.process.printed(/not yet/);
    expect(daemon.process.output).toContain('exit 3');
    const status = await daemon.confetctl('render', 'status', '-w', 'json');
    expect(status.stdout).toContain('exit 3');
    writeFiles(folder, { ready: '' });
    await daemon.process.printed('"reloaded"', 20_000);
    await daemon.stop();
  });

  test('SIGTERM during a reload gives it --shutdown-timeout, and a second one nothing', async () => {
    const folder = slowReload();
    const args = ['--confdir', folder, '--shutdown-timeout', '1s'];
    const daemon = await Daemon.start({ cwd: folder, args });
    await fileThat(join(folder, 'reloads'), (text) => text.includes('began'));
    const began = Date.now();
    expect((await daemon.stop()).code).toBe(0);
    expect(Date.now() - began).toBeGreaterThan(700);
    expect(Date.now() - began).toBeLessThan(4_000);

    const other = slowReload();
    const patient = await Daemon.start({ cwd: other, args: ['--confdir', other] });
    await fileThat(join(other, 'reloads'), (text) => text.includes('began'));
    // Of one signal sent twice the kernel may deliver one: so each is sent once.
    patient.process.signal('SIGTERM');
    const second = Date.now();
    const exit = await patient.process.end('SIGINT');
    expect(exit.code ?? exit.signal).not.toBe(0);
    expect(Date.now() - second).toBeLessThan(2_000);
    // Now it may end by itself.
    for (const place of [folder, other]) writeFiles(place, { go: '' });
    await fileThat(join(other, 'reloads'), (text) => text.includes('done'));
  });

  test('SIGTERM and SIGINT of an idle daemon: exit code 0, soon', async () => {
    const daemon = await Daemon.start({ args: ['--no-render'] });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const began = Date.now();
      expect(await daemon.process.end(signal)).toEqual({ code: 0, signal: null });
      expect(Date.now() - began).toBeLessThan(2_000);
      await daemon.restart();
    }
    await daemon.stop();
  });
});
