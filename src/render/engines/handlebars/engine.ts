import { isUtf8 } from 'node:buffer';
import { messageOf, systemCode } from '../../../base/errors.js';
import { placeOfBadByte } from '../../../confdir/positions.js';
import { type Disk, readFile } from '../../../io/disk.js';
import type { Engine, Template } from '../../types.js';
import { parse } from './parse.js';
import { failure, type Site, Sites } from './sites.js';
import { makeStrict, type Reference } from './strict.js';
import { HandlebarsTemplate } from './template.js';

/** Of one template, with all that it includes. */
const MAX_FILES = 256;
/** Bytes of one file. */
const MAX_SIZE = 4 * 1024 * 1024;

/** `.hbs`: Handlebars, made strict (docs of src/render/engines/handlebars/strict.ts). */
export class HandlebarsEngine implements Engine {
  readonly extension = '.hbs';
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async compile(path: string, folder: string, role?: 'partial'): Promise<Template> {
    const sites = new Sites();
    const data = role === 'partial' ? 'unknown' : 'root';
    const main = makeStrict(parse(await this.#read(path, undefined), path), path, sites, data);
    const files = [path];
    const partials = new Map<string, hbs.AST.Program>();
    const open: Reference[] = [...main.references];
    for (let reference = open.shift(); reference !== undefined; reference = open.shift()) {
      const { name, site } = reference;
      if (partials.has(name)) continue;
      if (partials.size >= MAX_FILES)
        throw failure(site, `the template includes more than ${MAX_FILES} files`);
      const file = `${folder}/${name}.hbs`;
      const partial = makeStrict(parse(await this.#read(file, site), file), file, sites, 'unknown');
      partials.set(name, partial.program);
      files.push(file);
      open.push(...partial.references);
    }
    return new HandlebarsTemplate(files, main.program, partials, sites);
  }

  /** `asked`: where another file names this one. */
  async #read(path: string, asked: Site | undefined): Promise<string> {
    const place = asked ?? { file: path, line: 1, column: 1, text: '' };
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#disk, path);
    } catch (error) {
      const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
      throw failure(place, `${path} can't be read: ${why}`, error);
    }
    if (bytes.length > MAX_SIZE) throw failure(place, `${path} is larger than ${MAX_SIZE} bytes`);
    if (isUtf8(bytes)) return bytes.toString('utf8');
    const bad = { file: path, ...placeOfBadByte(bytes), text: '' };
    throw failure(bad, 'not UTF-8 text: save the template in that encoding');
  }
}
