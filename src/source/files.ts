import { constants, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCode } from '../base/errors.js';
import { flatten } from './flatten.js';
import { parseText } from './parse.js';

/** Measured: YAML takes a second for 5 MB, JSON for 500. */
const MAX_YAML_BYTES = 64 << 20;
const MAX_JSON_BYTES = 256 << 20;
const MAX_DEPTH = 32;
const MAX_FILES = 10_000;
const ANY = /^/;

export type KeysRead =
  | { readonly keys: ReadonlyMap<string, string>; readonly trouble?: never }
  | { readonly keys?: never; readonly trouble: string };

/** The keys of all files together, later files over earlier ones (in folders those whose name fits); or the first trouble, as `file:line:column: what`. */
export async function readKeys(paths: readonly string[], names = ANY): Promise<KeysRead> {
  const keys = new Map<string, string>();
  let at = '';
  try {
    for (const path of paths) {
      at = path;
      for (const file of await filesUnder(path, names)) {
        at = file;
        const parsed = await parseText(await contents(file), file.endsWith('.json'));
        if (parsed.fault !== undefined) {
          const { line, column, message } = parsed.fault;
          return { trouble: `${file}${line === 0 ? '' : `:${line}:${column}`}: ${message}` };
        }
        flatten(parsed.value, keys);
      }
    }
    return { keys };
  } catch (error) {
    return { trouble: `${at}: ${inWords(error)}` };
  }
}

/** A file itself, or the YAML and JSON files of a folder that `names` fits, by name; dotted names are left out. */
async function filesUnder(path: string, names: RegExp): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH} folders`);
    for (const name of (await readdir(folder)).sort()) {
      if (name.startsWith('.')) continue;
      const inside = join(folder, name);
      if ((await stat(inside)).isDirectory()) await walk(inside, depth + 1);
      else if (/\.(?:ya?ml|json)$/.test(name) && names.test(name)) files.push(inside);
      if (files.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files`);
    }
  };
  await walk(path, 0);
  return files;
}

async function contents(path: string): Promise<string> {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('not a regular file');
    const isJson = path.endsWith('.json');
    const most = isJson ? MAX_JSON_BYTES : MAX_YAML_BYTES;
    if (stats.size > most)
      throw new Error(
        `longer than ${most} bytes${isJson ? '' : ': write it as JSON, which may have 256 MiB'}`,
      );
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } finally {
    await file.close();
  }
}

function inWords(error: unknown): string {
  if (error instanceof TypeError) return 'not UTF-8 text: save the file in that encoding';
  if (systemCode(error) === 'ENOENT') return 'no such file: check --file, or make it';
  if (systemCode(error) === 'EACCES') return 'no permission to read it: change its mode or its owner';
  return messageOf(error);
}
