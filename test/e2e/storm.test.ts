import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rpc } from '../conformance/rpc.js';
import { Daemon, fileThat, scratch, writeFiles } from '../daemon.js';

test('a storm of 1,000 puts with wait = {100ms, 1s}: at most 12 reloads, in order, the last file right', async () => {
  const folder = scratch();
  writeFiles(folder, {
    'templates/n.tmpl': '{{getv "/n" "0"}}',
    'conf.d/n.toml': `[template]\nsrc = "n.tmpl"\ndest = "${folder}/n.out"\nwait = { min = "100ms", max = "1s" }\nreload_cmd = "echo $(cat ${folder}/n.out) >> ${folder}/reloads"\n`,
  });
  const daemon = await Daemon.start({ args: ['--confdir', folder] });
  await fileThat(join(folder, 'reloads'), (text) => text === '0\n');
  const rpc = new Rpc(daemon.endpoint);
  const beganMs = performance.now();
  for (let put = 1; put <= 1000; put++) {
    await rpc.put('/n', String(put));
    const aheadMs = put - (performance.now() - beganMs);
    if (aheadMs > 5) await new Promise((wake) => setTimeout(wake, aheadMs));
  }
  const tookMs = performance.now() - beganMs;
  rpc.close();
  await fileThat(join(folder, 'reloads'), (text) => text.endsWith('\n1000\n'));
  const reloads = readFileSync(join(folder, 'reloads'), 'utf8').trimEnd().split('\n').slice(1).map(Number);
  // A slow machine takes longer for its storm, and a second more is another deadline.
  expect(reloads.length).toBeLessThanOrEqual(12 * Math.ceil(tookMs / 1_500));
  expect(reloads).toEqual([...reloads].sort((a, b) => a - b));
  expect(readFileSync(join(folder, 'n.out'), 'utf8')).toBe('1000');
  await daemon.stop();
}, 60_000);
