import { describe, expect, it } from 'vitest';
import { goReferences } from '../../../src/preview/go-references.js';
import { handlebarsReferences } from '../../../src/preview/handlebars-references.js';
import { faultOf } from '../../../src/preview/references.js';

describe('literal keys of a template', () => {
  it('.tmpl: written behind a function, or piped into it, at any depth', () => {
    const text =
      '{{getv "/a"}}\n{{range gets "/b/*"}}{{if exists (printf "/c")}}{{else}}{{ "/d" | getv | toUpper }}{{end}}{{end}}\n{{define "t"}}{{with (ls `/e`)}}{{end}}{{end}}{{$x := getvs "/f"}}{{get .}}';
    const { keys, undefinedTemplates } = goReferences(text, 'a.tmpl');
    const found = keys.map(({ name, key, line, column }) => [name, key, line, column]);
    expect(found.sort((a, b) => String(a[1]).localeCompare(String(b[1])))).toEqual([
      ['getv', '/a', 1, 3],
      ['gets', '/b/*', 2, 9],
      ['getv', '/d', 2, 67],
      ['ls', '/e', 3, 23],
      ['getvs', '/f', 3, 55],
    ]);
    expect(undefinedTemplates).toEqual([]);
  });

  it('.tmpl: a template that the file doesn’t define', () => {
    const text = '{{define "here"}}{{end}}{{template "here"}}\n{{block "b" .}}{{template "gone" .}}{{end}}';
    expect(goReferences(text, 'a.tmpl').undefinedTemplates).toEqual([{ name: 'gone', line: 2, column: 27 }]);
  });

  it('.hbs: in mustaches, blocks, arguments and partials’ values', () => {
    const text =
      '{{getv "/a"}}\n{{#gets "/b/*"}}{{key}}{{else}}{{#each (ls "/c") as |x|}}{{x}}{{/each}}{{/gets}}\n{{> p x=(getv "/d" "e")}}{{getv (printf "/f")}}';
    expect(
      handlebarsReferences(text, 'a.hbs').map(({ name, key, line, column }) => [name, key, line, column]),
    ).toEqual([
      ['getv', '/a', 1, 3],
      ['gets', '/b/*', 2, 4],
      ['ls', '/c', 2, 41],
      ['getv', '/d', 3, 10],
    ]);
  });
});

describe('a literal key', () => {
  const sees = { name: 'r', prefix: '/p', subtrees: ['/p/app', '/p/sites/main'] };
  const fault = (name: string, key: string, of = sees) => faultOf({ name, key, line: 1, column: 1 }, of);

  it.each([
    ['getv', '/app'],
    ['exists', '/app/x/y'],
    ['gets', '/app/*'],
    ['gets', '/*/x'],
    ['getvs', '/si*/main'],
    ['gets', '*'],
    ['ls', '/'],
    ['ls', ''],
    ['lsdir', '/sites'],
    ['lsdir', '/sites/'],
    ['tree', '/sites/main/deep'],
  ])('that the resource sees is fine: %s %s', (name, key) => {
    expect(fault(name, key)).toBeUndefined();
  });

  it.each([
    ['getv', '/application', '/p/application'],
    ['getv', '/', '/p'],
    ['get', '/sites', '/p/sites'],
    ['gets', '/sites/other/*', '/p/sites/other'],
    ['gets', '/sites', '/p/sites'],
    ['ls', '/site', '/p/site'],
  ])('that it doesn’t see is a warning: %s %s', (name, key, full) => {
    expect(fault(name, key)).toEqual({
      severity: 'warning',
      message: `${name} "${key}" finds nothing: ${full} lies outside the keys that r sees (/p/app, /p/sites/main)`,
    });
  });

  it('without a slash in front finds nothing; a pattern that is none is an error', () => {
    expect(fault('getv', 'app/x')?.message).toBe(
      'getv "app/x" finds nothing: keys begin with a slash, so write "/app/x"',
    );
    expect(fault('gets', '/app/[')).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('syntax error in pattern'),
    });
  });

  it('is fine wherever it lies for a resource that sees everything', () => {
    const everything = { name: 'r', prefix: '', subtrees: [''] };
    expect(fault('getv', '/x', everything)).toBeUndefined();
    expect(fault('getv', '/', everything)).toBeUndefined();
  });
});
