import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Sample {
  /** Of the resource, its template and its destination. */
  readonly name: string;
  /** What the template may see. */
  readonly keys: readonly string[];
  readonly template: string;
  /** Whose language it is in; Handlebars' unless given. */
  readonly engine?: 'hbs' | 'tmpl';
  /** More lines of the resource. */
  readonly settings?: readonly string[];
}

/** Writes conf.d/ and templates/ into `folder`; the destinations are files of `folder`/out. */
export async function writeConfdir(folder: string, samples: readonly Sample[]): Promise<void> {
  await Promise.all(
    ['conf.d', 'templates', 'out'].map((name) => mkdir(join(folder, name), { recursive: true })),
  );
  for (const { name, keys, template, engine = 'hbs', settings = [] } of samples) {
    const resource = [
      '[template]',
      `src = ${JSON.stringify(`${name}.${engine}`)}`,
      `dest = ${JSON.stringify(destination(folder, name))}`,
      `keys = ${JSON.stringify(keys)}`,
      ...settings,
    ];
    await writeFile(join(folder, 'conf.d', `${name}.toml`), `${resource.join('\n')}\n`);
    await writeFile(join(folder, 'templates', `${name}.${engine}`), template);
  }
}

export function destination(folder: string, name: string): string {
  return join(folder, 'out', name);
}
