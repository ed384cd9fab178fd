import { describe, expect, test } from 'vitest';
import { compile, refusal, refusalAtLoad, render } from '../support.js';

const files = {
  'server.hbs': 'server {{value}}; # {{base key}}',
  'dir/inner.hbs': '[{{> server}}]',
  'list.hbs': '{{#each this as |x|}}{{x}},{{/each}}',
  'named.hbs': '{{name}}={{value}}',
  'loop.hbs': '{{> loop}}',
  'a.hbs': '{{> b}}',
  'b.hbs': '{{> a}}',
  'tree.hbs': '{{name}}({{#each children}}{{> tree}}{{/each}})',
  'lines.hbs': 'one\ntwo\n',
  'bad.hbs': 'x\n {{gest "/x"}}',
};
const keys = { '/s/a': '1', '/s/b': '2' };

describe('partials', () => {
  test('take the data around them, or what they are given', async () => {
    expect(await render('{{#gets "/s/*"}}{{> dir/inner}}{{/gets}}', { files, keys })).toBe(
      '[server 1; # a][server 2; # b]',
    );
    expect(await render('{{> server (get "/s/b")}}', { files, keys })).toBe('server 2; # b');
    expect(await render('{{> list (ls "/s")}}', { files, keys })).toBe('a,b,');
    expect(await render('{{> "dir/inner" (get "/s/a")}}', { files, keys })).toBe('[server 1; # a]');
  });

  test('take further fields by name', async () => {
    expect(await render('{{#gets "/s/*"}}{{> named name=(base key)}} {{/gets}}', { files, keys })).toBe(
      'a=1 b=2 ',
    );
    expect(await render('{{> named name="x" value=5}}', { files })).toBe('x=5');
    expect(await refusal('{{#each (ls "/s")}}{{> named name="x"}}{{/each}}', { files, keys })).toContain(
      'need a map or a pair',
    );
  });

  test('are indented as the line that they stand on', async () => {
    expect(await render('a\n  {{> lines}}\nb', { files })).toBe('a\n  one\n  two\nb');
  });

  test('are files of the template', async () => {
    const template = await compile('{{> dir/inner (get "/s/a")}}{{include "list" (ls "/")}}', { files });
    expect(template.files).toEqual([
      't.hbs',
      'templates/dir/inner.hbs',
      'templates/list.hbs',
      'templates/server.hbs',
    ]);
  });

  test('an error in one names its file, line and column', async () => {
    expect(await refusalAtLoad('{{> bad}}', { files })).toContain(
      'templates/bad.hbs:2:4: unknown function gest',
    );
    expect(await refusal('{{> server}}', { files })).toContain('templates/server.hbs:1:10: value is absent');
  });

  test('a missing one is named where it is asked for', async () => {
    expect(await refusalAtLoad('a\n{{> dir/none}}', { files })).toContain(
      "t.hbs:2:5: templates/dir/none.hbs can't be read: there is no such file",
    );
  });

  test.each([
    '../x',
    './x',
    '"../x"',
    '"/etc/x"',
    '"a/../../x"',
    '"a//b"',
    '"a b"',
    '".."',
    '12',
    '"x\\u0000"',
  ])('{{> %s}} does not leave the folder', async (name) => {
    expect(await refusalAtLoad(`{{> ${name}}}`, { files })).toMatch(/under the templates folder/);
  });

  test('recursion is bounded, and works within the bound', async () => {
    expect(await refusal('{{> loop}}', { files })).toContain('more than 32 partials in one another');
    expect(await refusal('{{> a}}', { files })).toContain('more than 32 partials in one another');
    const tree =
      '{"name":"a","children":[{"name":"b","children":[]},{"name":"c","children":[{"name":"d","children":[]}]}]}';
    expect(await render(`{{> tree (json (getv "/t"))}}`, { files, keys: { '/t': tree } })).toBe(
      'a(b()c(d()))',
    );
  });

  test('a partial that failed leaves nothing behind for the next render', async () => {
    const template = await compile('{{> server (get "/s/a")}}', { files });
    const { contextOf } = await import('../support.js');
    for (let time = 0; time < 40; time++)
      expect(() => template.render(contextOf({}))).toThrow('key does not exist: /s/a');
    expect(template.render(contextOf({ keys }))).toBe('server 1; # a');
  });

  test('@index of a loop in another file is not known', async () => {
    expect(
      await refusalAtLoad('{{#each (ls "/")}}{{> p}}{{/each}}', { files: { 'p.hbs': '{{@index}}' } }),
    ).toContain('in the same file');
  });
});

describe('include', () => {
  test('gives the text of another template', async () => {
    expect(await render('{{toUpper (include "server" (get "/s/a"))}}', { files, keys })).toBe(
      'SERVER 1; # A',
    );
    expect(await render('{{include "server.hbs" (get "/s/a")}}', { files, keys })).toBe('server 1; # a');
    expect(await refusal('{{include "lines"}}', { files })).toContain('line break');
    expect(await render('{{{include "lines"}}}', { files })).toBe('one\ntwo\n');
  });

  test('needs a name that is known at load, inside the folder', async () => {
    expect(await refusalAtLoad('{{include (getv "/x")}}', { files })).toContain('in quotes');
    expect(await refusalAtLoad('{{include "../x"}}', { files })).toContain('under the templates folder');
    expect(await refusalAtLoad('{{include "none"}}', { files })).toContain('there is no such file');
  });

  test('is bounded', async () => {
    expect(await refusal('{{include "i"}}', { files: { 'i.hbs': '{{include "i"}}' } })).toContain(
      'more than 32',
    );
  });
});
