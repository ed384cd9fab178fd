import { describe, expect, test } from 'vitest';
import type { Disk } from '../../../../../src/io/disk.js';
import { GoTemplateEngine } from '../../../../../src/render/engines/gotemplate/engine.js';
import { contextOf } from '../../support.js';
import { compile, refusal, render } from './support.js';

/** A clock that goes on by a millisecond at each look; the deadline is at 1000. */
const ticking = { clock: Array.from({ length: 1100 }, (_, at) => at) };

describe('endless recursion ends in an error that names template, line and column', () => {
  test('of templates', async () => {
    expect(
      await refusal(
        '{{define "a"}}\n  {{template "b" .}}{{end}}{{define "b"}}{{template "a"}}{{end}}{{template "a"}}',
      ),
    ).toBe(
      'template: t.tmpl:2:13: executing "a" at <{{template "b" .}}>: exceeded maximum template depth (500)',
    );
  });
  test('of templates deep in blocks, before the stack ends', async () => {
    const deep = `{{define "t"}}${'{{if 1}}{{with 1}}'.repeat(150)}{{template "t"}}${'{{end}}'.repeat(300)}{{end}}{{template "t"}}`;
    expect(await refusal(deep)).toMatch(
      /^template: t\.tmpl:1:\d+: executing "t" at <.*>: (exceeded|the template calls itself)/,
    );
  });
  test('through executeTemplate', async () => {
    expect(await refusal('{{define "t"}}{{print (executeTemplate "t")}}{{end}}{{template "t"}}')).toMatch(
      /^template: t\.tmpl:1:\d+: executing "t" at <.*>: (exceeded|the template calls itself)/,
    );
  });
  test('the depth can be set, and what stays within it is rendered', async () => {
    const countdown = '{{define "t"}}{{if .}}{{.}}{{template "t" (sub . 1)}}{{end}}{{end}}{{template "t" 3}}';
    expect(await render(countdown, {}, { maxDepth: 5 })).toBe('321');
    expect(await refusal(countdown, {}, { maxDepth: 4 })).toContain('exceeded maximum template depth (4)');
  });
});

describe('the deadline', () => {
  test('ends nested loops', async () => {
    const nested = '{{range seq 1 9999}}{{range seq 1 9999}}{{range seq 1 9999}}{{end}}{{end}}{{end}}';
    expect(await refusal(nested, ticking)).toMatch(
      /^template: t\.tmpl:1:\d+: .*: the render was given up at its deadline/,
    );
  });
  test('ends a value that holds itself many times over', async () => {
    const doubled = '{{$x := list 1}}{{range seq 1 60}}{{$x = list $x $x}}{{end}}{{toYAML $x}}';
    expect(await refusal(doubled, { ...ticking, maxBytes: 1e9 })).toContain('deadline');
  });
});

describe('the limit on the output', () => {
  const world = { maxBytes: 10_000 };
  test.each([
    ['a long text', '{{range seq 1 2000}}12345678{{end}}'],
    ['a wide number', '{{printf "%20000d" 1}}'],
    ['wide numbers in a list', '{{printf "%9000d" (seq 1 9000)}}'],
    ['a long list', '{{len (seq 1 1000000000)}}'],
    ['the longest list', '{{seq -9223372036854775807 9223372036854775807}}'],
    ['repeat', '{{repeat 1000000000 "x" | len}}'],
    ['loop', '{{loop 1000000000}}'],
    ['text that doubles', '{{$x := "a"}}{{range seq 1 100}}{{$x = print $x $x}}{{end}}'],
    [
      'text that grows by replacement',
      '{{$x := "ab"}}{{range seq 1 100}}{{$x = replace $x "" $x -1}}{{end}}',
    ],
    [
      'text that grows by a pattern',
      '{{$x := "ab"}}{{range seq 1 100}}{{$x = regexReplaceAll "" $x $x}}{{end}}',
    ],
    ['a list that doubles, printed', '{{$x := list 1}}{{range seq 1 90}}{{$x = list $x $x}}{{end}}{{$x}}'],
    [
      'a list that doubles, formatted',
      '{{$x := list 1}}{{range seq 1 90}}{{$x = list $x $x}}{{end}}{{printf "%q" $x}}',
    ],
    [
      'a list that doubles, escaped',
      '{{$x := list 1}}{{range seq 1 90}}{{$x = list $x $x}}{{end}}{{html $x}}',
    ],
    [
      'a list that doubles, as JSON',
      '{{$x := list 1}}{{range seq 1 90}}{{$x = list $x $x}}{{end}}{{toJson $x}}',
    ],
    [
      'a list that doubles, as TOML',
      '{{$x := list 1}}{{range seq 1 90}}{{$x = list $x $x}}{{end}}{{toTOML (map "x" $x)}}',
    ],
    ['a map that doubles', '{{$x := map}}{{range seq 1 90}}{{$x = map "a" $x "b" $x}}{{end}}{{print $x}}'],
    [
      'included text',
      '{{range seq 1 2000}}{{$x := executeTemplate "t"}}{{end}}{{define "t"}}12345678{{end}}',
    ],
  ])('%s', async (_, template) => {
    expect(await refusal(template, world)).toMatch(
      /^template: t\.tmpl:1:\d+: executing "t(\.tmpl)?" at <.*>: .*limit/,
    );
  });
  test('counts bytes', async () => {
    expect(await render('{{repeat 10 "é"}}', { maxBytes: 20 })).toBe('é'.repeat(10));
    expect(await refusal('{{repeat 10 "é"}}', { maxBytes: 19 })).toContain('limit of 19 bytes');
  });
  test('a width beyond any number is the fault that Go makes of it', async () => {
    expect(await render('{{printf "%1000000000d" 1}}')).toBe('%!(NOVERB)%!(EXTRA int=1)');
  });
});

describe('templates beyond any sane size are refused, or rendered, in no time', () => {
  test.each([
    [
      'parentheses',
      `{{${'('.repeat(50_000)}1${')'.repeat(50_000)}}}`,
      'more than 400 parentheses in one another',
    ],
    ['blocks', '{{if 1}}'.repeat(50_000), 'more than 400 blocks in one another'],
    ['else if', `{{if 0}}${'{{else if 0}}'.repeat(50_000)}{{end}}`, 'more than 400 blocks in one another'],
    ['a number', `{{${'9'.repeat(500_000)}}}`, 'illegal number syntax'],
    ['a hexadecimal number', `{{0x${'f'.repeat(500_000)}p1}}`, 'illegal number syntax'],
  ])('%s', async (_, template, message) => {
    const said = await refusal(template);
    expect(said).toContain(message);
    expect(said.length).toBeLessThan(9000);
  });
  test.each([
    ['commands', `{{1${' | print'.repeat(20_000)}}}`, '1'],
    ['fields', `{{.a${'.a'.repeat(20_000)}}}`, '<no value>'],
    [
      'variables',
      `${Array.from({ length: 20_000 }, (_, at) => `{{$x${at} := ${at}}}`).join('')}{{$x19999}}`,
      '19999',
    ],
    ['400 blocks', `${'{{with 1}}'.repeat(399)}{{.}}${'{{end}}'.repeat(399)}`, '1'],
  ])('%s', async (_, template, expected) => {
    expect(await render(template)).toBe(expected);
  });
  test('a value deeper than the stack', async () => {
    const deep = '{{$x := list 1}}{{range seq 1 20000}}{{$x = list $x}}{{end}}';
    expect(await refusal(`${deep}{{toJson $x}}`)).toMatch(/^template: t\.tmpl:1:\d+: /);
    expect(await refusal('{{json (repeat 200000 "[")}}')).toContain('unexpected end of JSON input');
    expect(await refusal('{{jsonArray (print (repeat 200000 "[") (repeat 200000 "]"))}}')).toContain(
      'exceeded max depth',
    );
  });
});

describe('patterns that make a backtracking engine hang', () => {
  const keys = { '/text': `${'a'.repeat(50_000)}!` };
  test.each(['(a*)*(a*)*(a*)*b', '(a|aa)+$', '^(([a-z])+.)+[A-Z]([a-z])+$'])('%s', async (pattern) => {
    expect(await render(`{{regexMatch ${JSON.stringify(pattern)} (getv "/text")}}`, { keys })).toBe('false');
  });
  test('a pattern that would be huge is refused', async () => {
    expect(await refusal('{{regexMatch "((a{100}){100}){100}" "a"}}')).toContain('invalid repeat count');
  });
});

test('after an error the template renders again as before', async () => {
  const template = await compile(
    '{{define "t"}}{{with .}}{{range .}}{{.}}{{end}}{{end}}{{end}}{{template "t" (jsonArray (getv "/x"))}}',
  );
  expect(() => template.render(contextOf({ keys: { '/x': 'no' } }))).toThrow('error calling jsonArray');
  expect(template.render(contextOf({ keys: { '/x': '[1,2]' } }))).toBe('12');
});

describe('files', () => {
  const engineOf = (bytes: Buffer): GoTemplateEngine => {
    const file = { size: async () => bytes.length, read: async () => bytes, close: async () => {} };
    return new GoTemplateEngine({ open: async () => file } as unknown as Disk);
  };
  test('one that is not UTF-8 is refused with its line', async () => {
    const compiled = engineOf(Buffer.from('a\nb\nc\xff\n', 'latin1')).compile(
      'templates/t.tmpl',
      'templates',
    );
    await expect(compiled).rejects.toThrow(
      'Unable to process template templates/t.tmpl, is not UTF-8: see line 3',
    );
  });
  test('one that is too large is refused', async () => {
    const compiled = engineOf(Buffer.alloc(5 * 1024 * 1024, 'x')).compile('templates/t.tmpl', 'templates');
    await expect(compiled).rejects.toThrow('is larger than 4194304 bytes');
  });
});
