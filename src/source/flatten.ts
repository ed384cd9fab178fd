import { posix } from 'node:path';
import { cleanKey } from './subtree.js';

/** Deeper than any configuration, and far from the stack's end. */
const MAX_DEPTH = 200;

/**
 * The leaves of nested maps and lists as keys, as confd's file backend has them: `/a/b`, list items by their index.
 * Absent values (null) and empty maps give none. Maps may be Maps or plain objects. Throws an Error in words.
 */
export function flatten(root: unknown, into: Map<string, string>): void {
  if (root === null || root === undefined) return;
  if (!(root instanceof Map) && (typeof root !== 'object' || Array.isArray(root))) {
    throw new Error('expected a map of keys at the top');
  }
  walk(root, '/', 0, into);
}

function walk(value: unknown, key: string, depth: number, into: Map<string, string>): void {
  if (depth > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH} levels`);
  const children = childrenOf(value);
  if (children !== undefined) {
    for (const [name, child] of children) walk(child, posix.join(key, nameOf(name)), depth + 1, into);
    return;
  }
  const text = textOf(value);
  if (text !== undefined) into.set(cleanKey(key), text);
}

function childrenOf(value: unknown): Iterable<[unknown, unknown]> | undefined {
  if (value instanceof Map || Array.isArray(value)) return value.entries();
  return typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
}

function nameOf(name: unknown): string {
  if (typeof name === 'string') return name;
  const text = textOf(name);
  if (text === undefined) throw new Error('a key is neither text nor a number');
  return text;
}

/** A scalar as Go prints it; undefined: it isn't one. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return typeof value === 'number' ? numberText(value) : undefined;
}

/** The shortest digits that read back as the number, never with an exponent. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (parts === null) return text;
  const [, sign = '', first = '', fraction = '', exponent = '0'] = parts;
  const digits = first + fraction;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}${digits.length > point ? `.${digits.slice(point)}` : ''}`;
}
