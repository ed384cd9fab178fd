import { posix } from 'node:path';
import { messageOf, systemCode } from '../../../base/errors.js';
import type { Disk } from '../../../io/disk.js';
import { FunctionError } from '../../functions/types.js';
import { goFunctions, isFunction } from './functions.js';
import { parseTemplate } from './parse/parser.js';
import { ParseError } from './parse/token-stream.js';
import { Program } from './program.js';

/** Of a folder whose files may be included by a computed name. */
const MAX_FILES = 1_000;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_NESTING = 16;

/** A file's text, or why there is none. */
export type Contents = { readonly text: string } | { readonly fault: string };

/**
 * The files that templates of one folder include, by their path below it. What is named outright is read and parsed when
 * the template is compiled; what only a render can name is read then, and parsed at its first use, so that a broken
 * file which nobody includes breaks nothing.
 */
export class Library {
  readonly #programs = new Map<string, Program>();
  readonly #contents = new Map<string, Contents>();
  readonly #maxDepth: number | undefined;

  constructor(maxDepth: number | undefined) {
    this.#maxDepth = maxDepth;
  }

  add(path: string, program: Program): void {
    this.#programs.set(path, program);
  }

  get size(): number {
    return this.#programs.size;
  }

  has(path: string): boolean {
    return this.#programs.has(path);
  }

  /** Undefined: there is no such file, or none was read. Fails with a FunctionError where it can't be used. */
  program(path: string): Program | undefined {
    const known = this.#programs.get(path);
    const contents = this.#contents.get(path);
    if (known !== undefined || contents === undefined) return known;
    if ('fault' in contents) throw new FunctionError(`include ${path}: ${contents.fault}`);
    const source = { name: posix.basename(path), text: contents.text };
    try {
      const trees = parseTemplate(source, isFunction);
      const program = new Program(source, trees, goFunctions, this.#maxDepth);
      this.#programs.set(path, program);
      return program;
    } catch (error) {
      if (error instanceof ParseError)
        throw new FunctionError(`parse include ${path}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /**
   * Reads every file of the folder, hidden ones left out. `outside` says of a path why it may not be read. Answers the
   * files and folders that were found, for watching: a new file changes its folder. Fails with a sentence past the bounds.
   */
  async readFolder(
    disk: Disk,
    folder: string,
    read: (path: string) => Promise<Contents>,
    outside: (path: string) => Promise<string | undefined>,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    let bytes = 0;
    const pending = [{ path: '', depth: 0 }];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const here = at.path === '' ? folder : `${folder}/${at.path}`;
      const names = await namesIn(disk, here);
      const fault = names === undefined ? undefined : await outside(here);
      if (fault !== undefined) {
        this.#contents.set(at.path, { fault });
        continue;
      }
      if (names === undefined) {
        const contents = await read(here);
        if ('text' in contents) bytes += contents.text.length;
        this.#contents.set(at.path, contents);
        if (this.#contents.size > MAX_FILES)
          throw new Error(`the folder ${folder} has more than ${MAX_FILES} files`);
        if (bytes > MAX_BYTES) throw new Error(`the files of ${folder} have more than ${MAX_BYTES} bytes`);
      } else {
        if (at.depth > MAX_NESTING) throw new Error(`${here} is nested deeper than ${MAX_NESTING} folders`);
        for (const name of names) {
          if (name.startsWith('.')) continue;
          pending.push({ path: at.path === '' ? name : `${at.path}/${name}`, depth: at.depth + 1 });
        }
      }
      found.push(here);
    }
    return found;
  }
}

/** Undefined: it is no folder. */
async function namesIn(disk: Disk, path: string): Promise<readonly string[] | undefined> {
  try {
    return await disk.list(path);
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'ENOENT') return undefined;
    throw new Error(`${path} can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** A name as a path below the templates folder; undefined: it leaves the folder. */
export function cleanName(name: string): string | undefined {
  const clean = posix.normalize(name);
  const leaves = clean === '.' || clean === '..' || clean.startsWith('../') || clean.startsWith('/');
  return leaves || clean.endsWith('/') || clean.includes('\0') ? undefined : clean;
}
