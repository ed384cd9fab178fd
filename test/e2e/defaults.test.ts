import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { confetctl, scratch, spawnConfetd } from '../daemon.js';

/** Whether the ports that everybody's etcd has are ours to take. */
async function free(port: number): Promise<boolean> {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false));
  });
  server.listen(port, '127.0.0.1');
  const taken = await listening;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return taken;
}

test('without any flag: etcd’s ports, identities and data folder', async (context) => {
  if (!((await free(2379)) && (await free(2380)))) {
    process.stderr.write('skipped: port 2379 or 2380 is in use\n');
    context.skip();
  }
  const folder = scratch();
  const daemon = spawnConfetd(['--no-render'], { cwd: folder });
  await daemon.printed('serving clients');
  const { stdout } = await confetctl(['put', 'a', 'b', '-w', 'json']);
  expect(stdout).toBe(
    '{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":2,"raft_term":2}}\n',
  );
  expect((await confetctl(['member', 'list'])).stdout).toBe(
    '8e9e05c52164694d, started, default, http://localhost:2380, http://localhost:2379, false\n',
  );
  const log = 'default.etcd/member/wal/0000000000000000-0000000000000000.wal';
  expect(existsSync(join(folder, log))).toBe(true);
  expect((await daemon.end('SIGTERM')).code).toBe(0);
});
