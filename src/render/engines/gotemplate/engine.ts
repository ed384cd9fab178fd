import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import { ConfetdError, messageOf, systemCode } from '../../../base/errors.js';
import { isWithin } from '../../../confdir/paths.js';
import { type Disk, readFile } from '../../../io/disk.js';
import type { Engine, Template } from '../../types.js';
import { goFunctions, isFunction } from './functions.js';
import { type Inclusion, inclusions } from './inclusions.js';
import { type Contents, cleanName, Library } from './library.js';
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
  /** A path with its links followed; without it no links are looked at. */
  readonly realPath?: (path: string) => Promise<string>;
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
    const files = new Set([path]);
    const library = new Library(this.#options.maxDepth);
    const self = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined;
    const open = inclusions(main.source, main.trees);
    let computed: Inclusion | undefined;
    for (let asked = open.shift(); asked !== undefined; asked = open.shift()) {
      const { name } = asked;
      if (name === undefined) {
        computed ??= asked;
        continue;
      }
      const below = cleanName(name);
      if (below === undefined) throw refusal(asked, `include path "${name}" is outside template directory`);
      if (library.has(below) || below === self) continue;
      if (library.size >= MAX_FILES)
        throw refusal(asked, `the template includes more than ${MAX_FILES} files`);
      const file = `${folder}/${below}`;
      const other = await this.#parse(file, asked);
      library.add(below, this.#compile(other));
      files.add(file);
      open.push(...inclusions(other.source, other.trees));
    }
    if (computed !== undefined) {
      for (const file of await this.#readFolder(library, folder, computed)) files.add(file);
    }
    return new GoTemplate([...files], this.#compile(main), library, self);
  }

  /** All files that a computed name may name. */
  async #readFolder(library: Library, folder: string, asked: Inclusion): Promise<readonly string[]> {
    const read = async (path: string): Promise<Contents> => {
      try {
        return { text: await this.#read(path, undefined) };
      } catch (error) {
        return { fault: messageOf(error) };
      }
    };
    try {
      return await library.readFolder(this.#disk, folder, read, await this.#leaving(folder));
    } catch (error) {
      const name = 'include with a name that only the render knows';
      throw refusal(asked, `${name} needs every file of the templates folder: ${messageOf(error)}`, error);
    }
  }

  /** Says of a folder below the templates' where a link takes it to, if that is outside: nobody knows how much is there. */
  async #leaving(folder: string): Promise<(path: string) => Promise<string | undefined>> {
    const { realPath } = this.#options;
    if (realPath === undefined) return async () => undefined;
    const root = await realPath(folder);
    return async (path) => {
      const real = await realPath(path).catch(() => path);
      return isWithin(root, real)
        ? undefined
        : `${path} is a link to ${real}, which is outside of the templates folder: include its files by a name that stands in the template`;
    };
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

function lineOfBadByte(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; ; line++) {
    const feed = bytes.indexOf(10, from);
    if (feed < 0 || !isUtf8(bytes.subarray(from, feed))) return line;
    from = feed + 1;
  }
}
