import {
  GoTemplateEngine,
  type GoTemplateOptions,
} from '../../../../../src/render/engines/gotemplate/engine.js';
import type { Template } from '../../../../../src/render/types.js';
import { contextOf, diskOf, type World } from '../../support.js';

export type { World };

/** The template `t.tmpl` of the folder `templates`. */
export async function compile(
  source: string,
  world: World = {},
  options: GoTemplateOptions = {},
): Promise<Template> {
  const others = Object.entries(world.files ?? {}).map(
    ([name, text]) => [`templates/${name}`, text] as const,
  );
  const disk = diskOf({ 'templates/t.tmpl': source, ...Object.fromEntries(others) });
  return new GoTemplateEngine(disk, options).compile('templates/t.tmpl', 'templates');
}

export async function render(
  source: string,
  world: World = {},
  options: GoTemplateOptions = {},
): Promise<string> {
  return (await compile(source, world, options)).render(contextOf(world));
}

/** The sentence of the error that compiling or rendering ends in. */
export async function refusal(
  source: string,
  world: World = {},
  options: GoTemplateOptions = {},
): Promise<string> {
  let text: string;
  try {
    text = await render(source, world, options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'template') return error.message;
    throw error;
  }
  throw new Error(`rendered ${JSON.stringify(text)} where an error was expected`);
}
