import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KVService } from '../../src/proto/generated/etcd_rpc.js';
import { put, Rpc } from '../conformance/rpc.js';
import { Daemon, scratch } from '../daemon.js';

/** A folder of its own size, so that it can be full; undefined, with a printed reason, where none can be made. */
function smallDisk(megabytes: number): string | undefined {
  const folder = join(scratch(), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    process.stderr.write('skipped: a full disk needs root and the right to mount a tmpfs\n');
    return undefined;
  }
}

const disk = smallDisk(300);

describe.skipIf(disk === undefined)('a full disk', () => {
  const mounted = disk ?? '';
  afterAll(() => {
    execFileSync('umount', ['-l', mounted]);
  });

  const fill = (): void => {
    const megabyte = Buffer.alloc(2 ** 20);
    try {
      for (;;) appendFileSync(join(mounted, 'filler'), megabyte);
    } catch {
      // Full: that was the point.
    }
  };

  test('nothing acknowledged is lost; with room again it goes on', { timeout: 60_000 }, async () => {
    const daemon = await Daemon.start({ dataDir: join(mounted, 'data'), args: ['--no-render'] });
    const acknowledged = new Map<string, number>();
    const write = async (number: number): Promise<boolean> => {
      const key = `k${number}`;
      const outcome = await rpc.outcome(KVService.put, put(key, 'x'.repeat(200_000)));
      if ('response' in outcome) acknowledged.set(key, outcome.response.header?.revision ?? 0);
      return 'response' in outcome;
    };
    let rpc = new Rpc(daemon.endpoint);
    expect(await write(0)).toBe(true);
    fill();
    let refused = 0;
    for (let number = 1; number < 600 && refused < 3; number++) {
      if (!(await write(number))) refused++;
    }
    expect(refused, 'the disk was never full').toBe(3);
    rpc.close();

    rmSync(join(mounted, 'filler'));
    // What a failed write left behind can't be known: the member halts, with a sentence, not with a stack.
    const { code } = await daemon.process.exited;
    expect([code, daemon.process.output]).toEqual([
      1,
      expect.stringMatching(/the member halts: .*no space left/i),
    ]);
    expect(daemon.process.output).not.toContain('Node.js v');
    await daemon.restart();
    rpc = new Rpc(daemon.endpoint);
    for (const [key, revision] of acknowledged) {
      const [kv] = (await rpc.range(key)).kvs;
      expect([key, kv?.modRevision, kv?.value.length]).toEqual([key, revision, 200_000]);
    }
    expect(await write(1_000)).toBe(true);
    rpc.close();
    await daemon.stop();
  });
});
