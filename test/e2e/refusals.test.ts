import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Daemon, runConfetd, scratch, spawnConfetd, writeFiles } from '../daemon.js';

/** What a daemon that must not run says: one sentence with the file, line or flag, and exit code 1. */
describe('a daemon refuses', () => {
  let first: Daemon;
  beforeAll(async () => {
    first = await Daemon.start({ args: ['--no-render'] });
    await first.confetctl('put', 'kept', 'x');
  });
  afterAll(() => first?.stop());

  const refused = async (daemon: Daemon): Promise<string> => {
    const { code } = await daemon.process.exited;
    expect([code, daemon.process.output]).toEqual([1, expect.any(String)]);
    const sentence = daemon.process.stderr.split('\n').find((line) => line.startsWith('confetd: '));
    expect(sentence, daemon.process.output).toBeDefined();
    return sentence ?? '';
  };

  test('a data folder that another daemon uses, which goes on', async () => {
    const second = await Daemon.spawn({ dataDir: first.dataDir, args: ['--no-render'] });
    const sentence = await refused(second);
    expect(sentence).toContain(first.dataDir);
    expect(sentence).toContain('in use');
    expect((await first.confetctl('get', 'kept')).stdout).toBe('kept\nx\n');
  });

  test('a client port in use: named, with the line to type', async () => {
    const second = await Daemon.spawn({
      args: ['--no-render', '--listen-client-urls', first.url, '--advertise-client-urls', first.url],
    });
    const sentence = await refused(second);
    expect(sentence).toContain(first.endpoint);
    const line = /confetd (--.*)$/m.exec(second.process.stderr)?.[1] ?? '';
    expect(line).toContain('--listen-client-urls');
    // What it says to type works.
    const args = line.split(/\s+/).map((word) => word.replace(/^'|'$/g, ''));
    const typed = spawnConfetd(args);
    await typed.printed('serving clients');
    expect((await typed.end('SIGTERM')).code).toBe(0);
  });

  test('a peer port in use, and leaves nothing listening', async () => {
    const second = await Daemon.spawn({
      args: ['--no-render', '--listen-peer-urls', `http://127.0.0.1:${first.peerPort}`],
    });
    expect(await refused(second)).toContain(`127.0.0.1:${first.peerPort}`);
    await expect(fetch(`${second.url}/health`)).rejects.toThrow();
  });

  test('the data folder of another cluster or member', async () => {
    const owner = await Daemon.start({ args: ['--no-render'] });
    expect((await owner.stop()).code).toBe(0);
    const stranger = await Daemon.spawn({
      dataDir: owner.dataDir,
      args: ['--no-render', '--initial-cluster-token', 'another'],
    });
    expect(await refused(stranger)).toContain(owner.dataDir);
    await owner.restart();
    expect((await owner.stop()).code).toBe(0);
  });

  test('a log with a damaged record in the middle: the file and the offset', async () => {
    const daemon = await Daemon.start({ args: ['--no-render'] });
    for (let n = 0; n < 20; n++) await daemon.confetctl('put', `k${n}`, `value-number-${n}`);
    await daemon.kill();
    const folder = join(daemon.dataDir, 'member/wal');
    const file = join(
      folder,
      readdirSync(folder)
        .filter((name) => name.endsWith('.wal'))
        .sort()[0] ?? '',
    );
    const bytes = readFileSync(file);
    const at = bytes.indexOf('value-number-9');
    expect(at).toBeGreaterThan(0);
    bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    writeFileSync(file, bytes);
    await expect(daemon.restart()).rejects.toThrow('confetd ended');
    const sentence = await refused(daemon);
    expect(sentence).toContain(file);
    const offset = Number(/\b(?:byte|offset) (\d+)/.exec(sentence)?.[1]);
    expect(offset).toBeGreaterThan(0);
    expect(Math.abs(offset - at)).toBeLessThan(200);
    // Mended, nothing is missing: the refusal itself wrote nothing.
    bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    writeFileSync(file, bytes);
    await daemon.restart();
    expect((await daemon.confetctl('get', 'k19')).stdout).toBe('k19\nvalue-number-19\n');
    await daemon.kill();
  });

  test('--strict with a broken conf.d: file, line and key; without it the sound resource is rendered', async () => {
    const folder = scratch();
    writeFiles(folder, {
      'templates/a.hbs': 'sound\n',
      'conf.d/broken.toml': '[template]\nsrc = "a.hbs"\ndest = "x.out"\nmode = 0644\n',
      'conf.d/sound.toml': `[template]\nsrc = "a.hbs"\ndest = "${folder}/sound.out"\n`,
    });
    const strict = await Daemon.spawn({ cwd: folder, args: ['--confdir', folder, '--strict'] });
    expect((await strict.process.exited).code).toBe(1);
    expect(strict.process.output).toMatch(/broken\.toml:4:.*mode/);
    const lenient = await Daemon.start({
      cwd: folder,
      dataDir: join(folder, 'other'),
      args: ['--confdir', folder],
    });
    await lenient.process.printed(/broken\.toml:4:.*mode/);
    await lenient.process.printed('sound.out has been updated');
    expect(readFileSync(join(folder, 'sound.out'), 'utf8')).toBe('sound\n');
    await lenient.stop();
  });

  test('flags that don’t exist, or contradict: exit code 2', async () => {
    const wrong = [
      [['--no-such-flag'], /no-such-flag/],
      [['--listen-client-urls', 'http://127.0.0.1:1'], /--advertise-client-urls is required/],
      [['env', 'file'], /unexpected argument "file"/],
      [['--onetime', '--interval', 'soon'], /interval/],
    ] as const;
    for (const [args, told] of wrong) {
      const { code, stderr } = await runConfetd(args);
      expect([args, code, stderr]).toEqual([args, 2, expect.stringMatching(told)]);
    }
    const { code, stdout } = await runConfetd(['--help']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('--listen-client-urls')]);
  });
});
