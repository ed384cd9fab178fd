import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rpc } from '../conformance/rpc.js';
import { Daemon, fileThat, scratch, spawnConfetctl, writeFiles } from '../daemon.js';

const BURST = 400;

/** Every change reaches a command's standard input once, in order, however fast they come. */
describe('commands on changes', () => {
  let folder: string;
  let daemon: Daemon;
  let rpc: Rpc;
  beforeAll(async () => {
    folder = scratch();
    writeFiles(folder, {
      'hook.sh': `cd "${folder}"; echo run >> runs
mkdir running || echo overlap >> runs
cat >> hooked; sleep 0.02
rmdir running
`,
      'conf.d/hook.toml': `[[hook]]\nkeys = ["/h"]\ncommand = ["sh", "${folder}/hook.sh"]\ntimeout = "30s"\n`,
      'templates/.keep': '',
    });
    daemon = await Daemon.start({ cwd: folder, args: ['--confdir', folder] });
    rpc = new Rpc(daemon.endpoint);
  });
  afterAll(async () => {
    rpc?.close();
    await daemon?.stop();
  });

  const burst = async (prefix: string): Promise<readonly string[]> => {
    const values = Array.from({ length: BURST }, (_, at) => `value ${at}`);
    const revisions = await Promise.all(
      values.map(
        async (value, at) => [(await rpc.put(`${prefix}/${at % 7}`, value)).header?.revision, value] as const,
      ),
    );
    return revisions.toSorted(([a = 0], [b = 0]) => a - b).map(([, value]) => value);
  };
  const seen = (text: string): string[] =>
    [...text.matchAll(/"value ?": ?"(value \d+)"/g)].map(([, value = '']) => value);

  test('[[hook]]: none of a burst is lost, and runs don’t overlap', async () => {
    // Hooks start from now: this one shows that now has come.
    for (let n = 0; n === 0 || !exists(join(folder, 'runs')); n++) {
      await rpc.put('/h/begun', String(n));
      if (n > 2_000) throw new Error(`no hook ran:\n${daemon.process.output}`);
    }
    const order = await burst('/h/b');
    const text = await fileThat(join(folder, 'hooked'), (now) => seen(now).length >= BURST, {
      what: () => daemon.process.output,
    });
    expect(seen(text)).toEqual(order);
    // Changes that arrive during a run share the next one.
    const runs = readFileSync(join(folder, 'runs'), 'utf8');
    expect(runs).not.toContain('overlap');
    expect(runs.split('\n').length).toBeLessThan(BURST);
  });

  test('confetctl exec-watch: none of a burst is lost', async () => {
    const file = join(folder, 'watched');
    const watch = spawnConfetctl(
      [
        '--endpoints',
        daemon.endpoint,
        'exec-watch',
        '--prefix',
        '/e',
        '--',
        'sh',
        '-c',
        `cat >> "${file}"; sleep 0.02`,
      ],
      { cwd: folder },
    );
    for (let n = 0; n === 0 || !exists(file); n++) {
      await rpc.put('/e/begun', String(n));
      if (n > 2_000) throw new Error(`exec-watch ran nothing:\n${watch.output}`);
    }
    const order = await burst('/e/b');
    const text = await fileThat(file, (now) => seen(now).length >= BURST, { what: () => watch.output });
    expect(seen(text)).toEqual(order);
    const exit = await watch.end('SIGINT');
    expect(exit.signal).toBe(null);
  });
});

function exists(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}
