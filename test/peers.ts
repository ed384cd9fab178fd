import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that tests compare us with, and the Debian package that brings each. */
const PACKAGES = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  'redis-server': 'redis-server',
  'zkServer.sh': 'zookeeper',
} as const;

export type PeerName = keyof typeof PACKAGES;

/** Where a person's shell may not look, and nginx, haproxy and zookeeper live. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/share/zookeeper/bin'];

const told = new Set<PeerName>();

/**
 * The path of a real peer; undefined, with a printed reason, where it isn't installed. Under TEST_REQUIRE_PEERS=1 a
 * missing peer throws, which fails the test file. For `describe.skipIf(peer('etcd') === undefined)`.
 */
export function peer(name: PeerName): string | undefined {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS]) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  const reason = `${name} is not installed (Debian: apt-get install ${PACKAGES[name]})`;
  if (process.env.TEST_REQUIRE_PEERS === '1') throw new Error(`TEST_REQUIRE_PEERS=1, but ${reason}`);
  if (!told.has(name)) {
    told.add(name);
    process.stderr.write(`skipped: ${reason}\n`);
  }
  return undefined;
}

/** Whether all of them are there; each one that isn't is printed (or throws, see {@link peer}). */
export function peers(...names: readonly PeerName[]): boolean {
  return names.map((name) => peer(name)).every((path) => path !== undefined);
}
