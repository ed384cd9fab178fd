import { parse as parseToml } from '@iarna/toml';
import { parse as parseYaml } from 'yaml';
import { type Fence, fencesOf } from './resource-page.js';

/** One folder of docs/migrating-from-confd.md: what there is, what is typed, and what comes out. */
export interface Folder {
  readonly title: string;
  /** Texts by their paths below {@link HERE}. */
  readonly files: Readonly<Record<string, string>>;
  /** What the store holds. */
  readonly keys: ReadonlyMap<string, string>;
  /** With confd's name in it. */
  readonly command: string;
  readonly exitCode: number;
  readonly outputs: readonly Output[];
}

export interface Output {
  readonly path: string;
  readonly text: string;
  readonly mode: number | undefined;
  /** Made by a template: not left as it was, nor written by a command. */
  readonly template: string | undefined;
}

/** What the page calls the folder that everything lies in. */
export const HERE = '/srv';

interface Template {
  readonly src: string;
  readonly dest: string;
  readonly prefix?: string;
  readonly keys: readonly string[];
}

export function foldersOf(markdown: string): readonly Folder[] {
  const [, ...sections] = markdown.slice(markdown.indexOf('## Folders of each kind')).split(/^### /m);
  return sections.map((section) => folderOf(section.split('\n')[0] ?? '', fencesOf(section)));
}

function folderOf(title: string, fences: readonly Fence[]): Folder {
  const files = Object.fromEntries(
    fences.filter(({ info }) => info.startsWith(`${HERE}/`)).map(({ info, text }) => [info, text]),
  );
  const command = fences.find(({ language }) => language === 'sh');
  if (command === undefined) throw new Error(`${title}: nothing is typed`);
  const resources = templatesOf(files);
  return {
    title,
    files,
    keys: new Map(lines(fences.find(({ info }) => info === 'keys')?.text ?? '').map(pairOf)),
    command: command.text.trim(),
    exitCode: Number(/^exit (\d+)$/.exec(command.info)?.[1] ?? 0),
    outputs: fences.flatMap(({ info, text }) => {
      const [, verb, path, mode] = /^(makes|leaves) (\S+)(?: mode (\d+))?$/.exec(info) ?? [];
      if (path === undefined) return [];
      const made = verb === 'makes' ? resources.find(({ dest }) => dest === path) : undefined;
      return [
        { path, text, mode: mode === undefined ? undefined : Number.parseInt(mode, 8), template: made?.src },
      ];
    }),
  };
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

function pairOf(line: string): [string, string] {
  const at = line.indexOf(' ');
  return [line.slice(0, at), line.slice(at + 1)];
}

function templatesOf(files: Folder['files']): readonly Template[] {
  return Object.entries(files)
    .filter(([path]) => path.startsWith(`${HERE}/confd/conf.d/`))
    .map(([, text]) => parseToml(text).template as unknown as Template);
}

/**
 * What the template of an output sees, by confd's rules alone: the keys of the backend that lie under prefix and key, without
 * the prefix; and the variables of the command.
 */
export function worldOf(
  folder: Folder,
  { path }: Output,
): { readonly keys: Readonly<Record<string, string>>; readonly env: Readonly<Record<string, string>> } {
  const resource = templatesOf(folder.files).find(({ dest }) => dest === path);
  if (resource === undefined) throw new Error(`nothing makes ${path}`);
  const env = Object.fromEntries(
    [...folder.command.matchAll(/(?:^|\s)([A-Z_]+)=(\S*)(?=\s)/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const config = Object.entries(folder.files).find(([file]) => file.endsWith('/confd.toml'))?.[1] ?? '';
  const global = / -prefix (\S+)/.exec(folder.command)?.[1] ?? /^prefix = "(.*)"$/m.exec(config)?.[1];
  const prefix = clean(`/${global ?? resource.prefix ?? ''}`);
  const wanted = resource.keys.map((key) => clean(`${prefix}/${key}`));
  const keys: Record<string, string> = {};
  for (const [key, value] of backendOf(folder, env)) {
    if (wanted.some((one) => one === '' || key === one || key.startsWith(`${one}/`)))
      keys[key.slice(prefix.length)] = value;
  }
  return { keys, env };
}

/** One slash between parts, none at the end. */
function clean(key: string): string {
  return key.replace(/\/+/g, '/').replace(/\/$/, '');
}

function backendOf(folder: Folder, env: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  if (folder.keys.size > 0) return folder.keys;
  const found = new Map<string, string>();
  if (/ -backend env /.test(folder.command)) {
    for (const [name, value] of Object.entries(env))
      found.set(`/${name.toLowerCase().replaceAll('_', '/')}`, value);
    return found;
  }
  const named = [...folder.command.matchAll(/ -file (\S+)/g)].map(([, file = '']) => file);
  const data =
    named.length > 0 ? named : Object.keys(folder.files).filter((path) => /\/keys\.\w+$/.test(path));
  for (const path of data) leaves(parseYaml(folder.files[path] ?? ''), '', found);
  return found;
}

function leaves(value: unknown, key: string, into: Map<string, string>): void {
  if (value === null || value === undefined) return;
  if (typeof value === 'object') {
    for (const [name, child] of Object.entries(value)) leaves(child, `${key}/${name}`, into);
  } else if (typeof value === 'string') into.set(key, value);
  else into.set(key, JSON.stringify(value));
}
