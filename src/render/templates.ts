import { extname } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import type { RenderFiles } from './files.js';
import type { Engine, Template } from './types.js';

/** A compiled template, or why there is none. */
export type Compiled =
  | { readonly template: Template; readonly error?: undefined }
  | { readonly template?: undefined; readonly error: string };

interface Kept {
  readonly template: Template;
  readonly versions: readonly string[];
}

/** The templates of one folder, compiled once for each change of any file they are made from. */
export class Templates {
  readonly #folder: string;
  readonly #files: RenderFiles;
  readonly #engine: (extension: string) => Promise<Engine | undefined>;
  readonly #kept = new Map<string, Kept>();

  constructor(
    folder: string,
    files: RenderFiles,
    engine: (extension: string) => Promise<Engine | undefined>,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#engine = engine;
  }

  /** The same object as before if no file of it has changed. */
  async compile(path: string): Promise<Compiled> {
    const kept = this.#kept.get(path);
    if (kept !== undefined && same(kept.versions, await this.#versions(kept.template.files))) {
      return { template: kept.template };
    }
    try {
      const engine = await this.#engine(extname(path));
      if (engine === undefined) {
        throw new ConfetdError(
          'template',
          `${path}: no template language here has the extension ${JSON.stringify(extname(path))}: name it *.hbs (Handlebars), or *.tmpl or any other name (Go templates)`,
        );
      }
      // Taken before the files are read: one that changes meanwhile is compiled once more the next time.
      const before = new Map(
        await Promise.all(
          (kept?.template.files ?? [path]).map(
            async (file) => [file, await this.#files.version(file)] as const,
          ),
        ),
      );
      if (before.get(path) === 'missing') throw new ConfetdError('template', `Missing template: ${path}`);
      const template = await engine.compile(path, this.#folder);
      const versions = template.files.map((file) => before.get(file));
      const now = await this.#versions(template.files);
      this.#kept.set(path, { template, versions: versions.map((version, at) => version ?? now[at] ?? '') });
      return { template };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  /** Forgets the templates that no resource uses. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#kept.keys()) if (!paths.has(path)) this.#kept.delete(path);
  }

  #versions(files: readonly string[]): Promise<readonly string[]> {
    return Promise.all(files.map((file) => this.#files.version(file)));
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
