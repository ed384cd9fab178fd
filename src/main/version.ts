import { readFileSync } from 'node:fs';

/** Of this package, from the one place that says it. */
export function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}

/** The release of etcd whose API is spoken: what clients and tools read from Status and /version. */
export const ETCD_API_VERSION = '3.4.23';
