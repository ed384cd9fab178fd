import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { NodeClock } from '../../src/io/node/clock.js';
import { GoTemplateEngine } from '../../src/render/engines/gotemplate/engine.js';
import { HandlebarsEngine } from '../../src/render/engines/handlebars/engine.js';
import {
  type AnswerOf,
  type Need,
  type Resolver,
  renderWithNeeds,
} from '../../src/render/functions/needs.js';
import { flatten } from '../../src/source/flatten.js';
import { contextOf, diskOf, type World } from '../unit/render/support.js';
import { type Language, readPage } from './template-page.js';

export const markdown = readFileSync('docs/templates.md', 'utf8');
export const page = readPage(markdown);

/** The text of the fence that begins with these words. */
function fenced(info: string): string {
  const fence = page.fences.find((candidate) => candidate.info === info);
  if (fence === undefined) throw new Error(`the page has no block ${info}`);
  return `${fence.lines.join('\n')}\n`;
}

export const keys = keysOf(fenced('yaml keys.yaml'));
const host = parse(fenced('yaml host.yaml')) as {
  readonly time: string;
  readonly hostname: string;
  readonly environment: Record<string, string>;
  /** A text is why the lookup fails. */
  readonly addresses: Record<string, readonly string[] | string>;
  readonly interfaces: Record<string, readonly string[]>;
  readonly services: Record<string, AnswerOf['service']>;
  readonly files: Record<string, string>;
};

function keysOf(yaml: string): Record<string, string> {
  const flat = new Map<string, string>();
  flatten(parse(yaml), flat);
  return Object.fromEntries(flat);
}

/** The page's host in place of this one. */
class PageHost implements Resolver {
  async resolve<T extends Need['type']>(need: Need & { type: T }): Promise<AnswerOf[T]> {
    return this.#answer(need) as AnswerOf[T];
  }

  #answer(need: Need): AnswerOf[Need['type']] {
    switch (need.type) {
      case 'address':
        return this.#found(host.addresses[need.host] ?? []);
      case 'service':
        return host.services[`_${need.service}._${need.proto}.${need.domain}`] ?? [];
      case 'interface':
        return host.interfaces[need.name] ?? [];
      case 'hostname':
        return host.hostname;
      case 'file-exists':
        return Object.hasOwn(host.files, need.path);
      case 'file': {
        const text = host.files[need.path];
        if (text === undefined) throw new Error('there is no such file');
        return text;
      }
    }
  }

  #found(answer: readonly string[] | string): readonly string[] {
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }
}

/** The page's own templates, by their names under templates/. */
export const files = Object.fromEntries(
  page.fences
    .map(({ info, lines }) => [info.split(' ')[1] ?? '', `${lines.join('\n')}\n`] as const)
    .filter(([name]) => name.endsWith('.hbs') || name.endsWith('.tmpl'))
    .map(([name, text]) => [`templates/${name}`, text] as const),
);

export async function render(
  language: Language,
  source: string,
  world: World,
  others: Readonly<Record<string, string>> = files,
): Promise<string> {
  const path = language === 'hbs' ? 'templates/t.hbs' : 'templates/t.tmpl';
  const disk = diskOf({ ...others, [path]: source });
  const engine = language === 'hbs' ? new HandlebarsEngine(disk) : new GoTemplateEngine(disk);
  const template = await engine.compile(path, 'templates');
  const context = { ...contextOf(world), src: 't.hbs', nowMs: Date.parse(host.time) };
  const limits = { timeoutMs: 1000, clock: new NodeClock() };
  return (await renderWithNeeds(template, context, new PageHost(), limits)).text;
}

/** `text missing_key = "zero"` behind a fence: the resource's keys. */
export function worldOf(info: string): World {
  const world = { keys, env: host.environment };
  const [, key, value] = /^text (\w+) = "(.*)"$/.exec(info) ?? [];
  if (info === '') return world;
  if (key === 'missing_key' && value === 'zero') return { ...world, missingKey: 'zero' };
  if (key === 'prefix' && value !== undefined) return { ...world, prefix: value };
  if (key === 'keys' && value !== undefined) return { ...world, subtrees: [value] };
  throw new Error(`${info} is nothing that an example can set`);
}
