import { posix } from 'node:path';
import { define } from './types.js';

export const pathFunctions = [
  define({ name: 'base', params: ['text'], yields: 'text', run: (_, path) => base(path) }),
  define({ name: 'dir', params: ['text'], yields: 'text', run: (_, path) => dir(path) }),
];

/** Go's path.Base: `.` for nothing, `/` for slashes only. */
export function base(path: string): string {
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === SLASH) end--;
  if (end === 0) return path === '' ? '.' : '/';
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}

/** Go's path.Dir: what stands before the last slash, cleaned. */
export function dir(path: string): string {
  const folder = posix.normalize(path.slice(0, path.lastIndexOf('/') + 1));
  return folder.length > 1 && folder.endsWith('/') ? folder.slice(0, -1) : folder;
}

const SLASH = 47;
