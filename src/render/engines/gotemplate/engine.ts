import { isUtf8 } from 'node:buffer';
import { basename, posix } from 'node:path';
import { ConfetdError, messageOf, systemCode } from '../../../base/errors.js';
import { type Disk, readFile } from '../../../io/disk.js';
import type { Engine, Template } from '../../types.js';
import { goFunctions, isFunction } from './functions.js';
import { type Inclusion, inclusions } from './inclusions.js';
import { parseTemplate, type Trees } from './parse/parser.js';
import { lineAt, ParseError, type Source } from './parse/token-stream.js';
import { Program } from './program.js';
import { GoTemplate } from './template.js';

/** Of one template, with all that it includes. */
const MAX_FILES = 256;
/** Bytes of one file. */
const MAX_SIZE = 4 * 1024 * 1024;

export interface GoTemplateOptions {
  /** Templates that may call one another; 500 unless told. */
  readonly maxDepth?: number;
}

/** `.tmpl`: Go's text/template with confd's functions. */
export class GoTemplateEngine implements Engine {
  readonly extension = '.tmpl';
  readonly #disk: Disk;
  readonly #options: GoTemplateOptions;

  constructor(disk: Disk, options: GoTemplateOptions = {}) {
    this.#disk = disk;
    this.#options = options;
  }

  async compile(path: string, folder: string): Promise<Template> {
    const main = await this.#parse(path, undefined);
    const files = [path];
    const included = new Map<string, Program>();
    const open = inclusions(main.source, main.trees);
    for (let asked = open.shift(); asked !== undefined; asked = open.shift()) {
      const { name } = asked;
      if (included.has(name)) continue;
      if (included.size >= MAX_FILES)
        throw refusal(asked, `the template includes more than ${MAX_FILES} files`);
      const file = inside(folder, name);
      if (file === undefined) throw refusal(asked, `include path "${name}" is outside template directory`);
      const other = await this.#parse(file, asked);
      included.set(name, this.#compile(other));
      files.push(file);
      open.push(...inclusions(other.source, other.trees));
    }
    return new GoTemplate(files, this.#compile(main), included);
  }

  #compile({ source, trees }: Parsed): Program {
    return new Program(source, trees, goFunctions, this.#options.maxDepth);
  }

  /** `asked`: where another file names this one. */
  async #parse(path: string, asked: Inclusion | undefined): Promise<Parsed> {
    const source = { name: basename(path), text: await this.#read(path, asked) };
    try {
      return { source, trees: parseTemplate(source, isFunction) };
    } catch (error) {
      if (error instanceof ParseError) throw unprocessable(path, error.message, error);
      throw error;
    }
  }

  async #read(path: string, asked: Inclusion | undefined): Promise<string> {
    const refused = (why: string, cause?: unknown): ConfetdError =>
      asked === undefined ? unprocessable(path, why, cause) : refusal(asked, `${path} ${why}`, cause);
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#disk, path);
    } catch (error) {
      const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
      throw refused(`can't be read: ${why}`, error);
    }
    if (bytes.length > MAX_SIZE) throw refused(`is larger than ${MAX_SIZE} bytes`);
    if (!isUtf8(bytes)) throw refused(`is not UTF-8: see line ${lineOfBadByte(bytes)}`);
    return bytes.toString('utf8');
  }
}

interface Parsed {
  readonly source: Source;
  readonly trees: Trees;
}

/** confd's sentence around Go's. */
function unprocessable(path: string, why: string, cause: unknown): ConfetdError {
  return new ConfetdError('template', `Unable to process template ${path}, ${why}`, { cause });
}

function refusal({ source, at }: Inclusion, why: string, cause?: unknown): ConfetdError {
  const place = `template: ${source.name}:${lineAt(source.text, at)}`;
  return new ConfetdError('template', `${place}: ${why}`, { cause });
}

/** The file of that name; undefined: it lies outside of the folder. */
function inside(folder: string, name: string): string | undefined {
  const clean = posix.normalize(name);
  const leaves = clean === '.' || clean === '..' || clean.startsWith('../') || clean.startsWith('/');
  return leaves || clean.includes('\0') ? undefined : `${folder}/${clean}`;
}

function lineOfBadByte(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; ; line++) {
    const feed = bytes.indexOf(10, from);
    if (feed < 0 || !isUtf8(bytes.subarray(from, feed))) return line;
    from = feed + 1;
  }
}
