import { readFileSync } from 'node:fs';

/** Of this package; its package.json is two folders up in src/ and in dist/ alike. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
}

/** The version of etcd's API that is spoken. */
export const API_VERSION = '3.4';
