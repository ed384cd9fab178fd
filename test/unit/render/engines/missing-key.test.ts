import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../../src/io/disk.js';
import { GoTemplateEngine } from '../../../../src/render/engines/gotemplate/engine.js';
import { HandlebarsEngine } from '../../../../src/render/engines/handlebars/engine.js';
import { contextOf, diskOf, refusal, render } from '../support.js';

const zero = { missingKey: 'zero', keys: { '/there': '1' } } as const;

async function renderGo(source: string, world: Parameters<typeof contextOf>[0]): Promise<string> {
  const template = await new GoTemplateEngine(diskOf({ 't.tmpl': source })).compile('t.tmpl', 'templates');
  return template.render(contextOf(world));
}

describe('missing_key = "zero"', () => {
  it('reads a key that is missing as nothing, and leaves every other answer as it is', async () => {
    expect(await render('[{{getv "/no"}}] {{getv "/there"}} {{getv "/no" "d"}}', zero)).toBe('[] 1 d');
    expect(await render('{{#if (exists "/no")}}yes{{else}}no{{/if}}', zero)).toBe('no');
    expect(await renderGo('[{{getv "/no"}}] {{getv "/there"}} {{getv "/no" "d"}}', zero)).toBe('[] 1 d');
    expect(await renderGo('{{exists "/no"}} {{(get "/no").Key}} [{{(get "/no").Value}}]', zero)).toBe(
      'false /no []',
    );
  });

  it('is what has to be asked for: confd fails, and so does this', async () => {
    expect(await refusal('{{getv "/no"}}')).toContain('key does not exist: /no');
    await expect(renderGo('{{getv "/no"}}', {})).rejects.toThrow('key does not exist: /no');
  });

  it('still counts as a question: the file follows when the key comes', async () => {
    const template = await new HandlebarsEngine(diskOf({ 't.hbs': '{{getv "/no"}}' })).compile(
      't.hbs',
      'templates',
    );
    const context = contextOf(zero);
    template.render(context);
    expect(context.keys.dependencies.touchedBy('/no')).toBe(true);
  });
});

describe('the item of a for_each', () => {
  it('is @item and @name', async () => {
    const item = { key: '/sites/a', name: 'a' };
    expect(
      await render('{{@name}} {{getv (printf "%s/x" @item)}}', { item, keys: { '/sites/a/x': '1' } }),
    ).toBe('a 1');
  });

  it('is an error where there is none', async () => {
    expect(await refusal('x {{@item}}')).toContain('t.hbs:1:5: @item is absent');
  });
});

it('a template that isn’t UTF-8 is refused at the place where it stops being so', async () => {
  const bytes = Buffer.concat([Buffer.from('é\nab'), Buffer.from([0xff]), Buffer.from('{{x}}')]);
  const disk: Disk = diskOf({ 't.hbs': '' });
  const file = await disk.open('t.hbs', 'read');
  const binary: Disk = {
    ...disk,
    open: async () => ({
      ...file,
      size: async () => bytes.length,
      read: async (position, length) => bytes.subarray(position, position + length),
    }),
  };
  await expect(new HandlebarsEngine(binary).compile('t.hbs', 'templates')).rejects.toThrow(
    't.hbs:2:3: not UTF-8 text: save the template in that encoding',
  );
});
