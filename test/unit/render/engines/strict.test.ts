import { describe, expect, test } from 'vitest';
import { refusal, refusalAtLoad, render } from '../support.js';

const keys = {
  '/services/web/a': '127.0.0.1:8001',
  '/services/web/b': '127.0.0.1:8002',
  '/flag/off': 'false',
  '/flag/zero': '0',
  '/flag/on': 'yes',
  '/number': '41',
  '/lines': 'one\ntwo',
  '/nul': 'a\0b',
  '/json': '{"name":"x","deep":{"a":1},"list":[1,2],"toString":"own"}',
};

describe('names', () => {
  test.each([
    ['{{gest "/x"}}', 't.hbs:1:3: unknown function gest (did you mean get?)'],
    ['{{gtev "/x"}}', 't.hbs:1:3: unknown function gtev (did you mean getv?)'],
    ['{{executeTemplate "a"}}', 'executeTemplate runs what a Go template defines'],
    ['{{nothing}}', 't.hbs:1:3: unknown name nothing'],
    ['a\n {{ #gest "/x"}}{{/gest}}', 't.hbs:2:'],
    [
      '{{#with (get "/number")}}{{vlaue}}{{/with}}',
      'a pair has .key and .value, and no .vlaue (did you mean value?)',
    ],
    ['{{#gets "/x/*"}}{{this.name}}{{/gets}}', 'a pair has .key and .value, and no .name'],
    ['{{#each (ls "/") as |name|}}{{name.key}}{{/each}}', 'text has no field key'],
    ['{{toString}}', 'unknown name toString'],
    ['{{constructor}}', 'unknown name constructor'],
    ['{{#gets "/x/*"}}{{toString}}{{/gets}}', 'no .toString'],
    ['{{#gets "/x/*"}}{{this.__proto__}}{{/gets}}', 'no .__proto__'],
    ['{{lookup this "x"}}', 'write (index map key)'],
    ['{{log "x"}}', 'unknown function log'],
    ['{{helperMissing "x"}}', 'unknown function helperMissing'],
    ['{{#blockHelperMissing "x"}}{{/blockHelperMissing}}', 'unknown block blockHelperMissing'],
    ['{{getv /number}}', 'put the key in quotes, as in {{getv "/number"}}'],
    ['{{range x}}', '.tmpl'],
    ['{{end}}', '.tmpl'],
    ['{{.Key}}', '.tmpl'],
    ['{{if true}}', 'if is a block'],
    ['{{add (if true) 1}}', 'ternary'],
    ['{{this}}', 'a template begins without data'],
    ['{{../x}}', 'leaves the template'],
  ])('%s is refused at load', async (source, message) => {
    expect(await refusalAtLoad(source)).toContain(message);
  });

  test('a bare name is a block parameter, then a function, then a field', async () => {
    const text = '{{#each (list (dict "hostname" "field"))}}';
    expect(await render(`${text}{{this.hostname}}{{/each}}`)).toBe('field');
    expect(
      await render('{{#each (ls "/") as |base|}}{{base}} {{/each}}', { keys: { '/a': '1', '/b': '2' } }),
    ).toBe('a b ');
    expect(await render('{{#each (list (dict "size" 3))}}{{size}}{{/each}}')).toBe('3');
    expect(await refusalAtLoad(`{{#each (list (dict "map" 1))}}{{base}}{{/each}}`)).toContain(
      'base takes 1 argument, not 0; for a field of that name write {{this.base}}',
    );
  });

  test('a block parameter can not be called', async () => {
    expect(await refusalAtLoad('{{#each (ls "/") as |base|}}{{base "/x"}}{{/each}}')).toContain('rename it');
    expect(await refusalAtLoad('{{#each (ls "/") as |base|}}{{print (base "/x")}}{{/each}}')).toContain(
      'rename it',
    );
  });

  test('a prototype is out of reach, an own field of the same name is not', async () => {
    expect(await render('{{#with (json (getv "/json")) as |j|}}{{j.toString}}{{/with}}', { keys })).toBe(
      'own',
    );
    for (const name of ['constructor', '__proto__', 'hasOwnProperty', 'valueOf']) {
      expect(
        await refusal(`{{#with (json (getv "/json")) as |j|}}{{j.${name}}}{{/with}}`, { keys }),
      ).toContain('is absent');
    }
    expect(await refusal('{{#with (list 1) as |l|}}{{l.length}}{{/with}}')).toContain('(len …) counts');
    expect(await refusal('{{#with (fromJson "\\"x\\"") as |t|}}{{t.length}}{{/with}}')).toContain(
      'has no field length',
    );
  });

  test('a field named __proto__ in JSON is a field', async () => {
    const source = `{{#with (json (getv "/x")) as |j|}}{{j.__proto__.a}}{{/with}}`;
    expect(await render(source, { keys: { '/x': '{"__proto__":{"a":"own"}}' } })).toBe('own');
  });

  test('../ is the surrounding block, whatever the data', async () => {
    const source =
      '{{#each (split "x,y" ",")}}{{#each (split "x,y" ",")}}{{#if true}}{{../this}}{{this}} {{/if}}{{/each}}{{/each}}';
    expect(await render(source)).toBe('xx xy yx yy ');
  });

  test('an inner block parameter hides an outer one of the same name', async () => {
    const source =
      '{{#each (split "a,b" ",") as |i|}}{{#each (split "1,2" ",") as |i|}}{{i}}{{../this}} {{/each}}{{i}};{{/each}}';
    expect(await render(source)).toBe('1a 2a a;1b 2b b;');
  });
});

describe('calls', () => {
  test.each([
    ['{{getv}}', 'getv takes 1 or 2 arguments, not 0'],
    ['{{getv "a" "b" "c"}}', 'getv takes 1 or 2 arguments, not 3'],
    ['{{add 1}}', 'add takes 2 arguments, not 1'],
    ['{{#gets}}{{/gets}}', 'gets takes 1 argument, not 0'],
    ['{{and}}', 'and takes 1 argument or more, not 0'],
    ['{{getv "a" default="b"}}', 'getv takes no name=value arguments'],
    ['{{toUpper 5}}', 'argument 1 of toUpper must be text, and 5 is a number'],
    ['{{toUpper (gets "/x")}}', 'argument 1 of toUpper must be text, and (gets "/x") is a list'],
    ['{{join "a" ","}}', 'argument 1 of join must be a list'],
    ['{{getv null}}', 'null and undefined are no values'],
    ['{{add 1 99999999999999999999}}', 'passes 2^53'],
  ])('%s is refused at load', async (source, message) => {
    expect(await refusalAtLoad(source)).toContain(message);
  });

  test('an absent argument is refused but by those that take absent values', async () => {
    const inside = (body: string): string => `{{#with (dict "a" "x") as |m|}}${body}{{/with}}`;
    expect(await refusal(inside('{{toUpper m.b}}'))).toContain('toUpper: argument 1 is absent');
    expect(await refusal(inside('{{eq m.b "x"}}'))).toContain('argument 1 is absent');
    expect(await refusal(inside('{{and m.b true}}'))).toContain('argument 1 is absent');
    expect(await refusal(inside('{{toJson m.b}}'))).toContain('argument 1 is absent');
    expect(await render(inside('{{default "d" m.b}}{{coalesce m.b m.c "c"}}{{empty m.b}}'))).toBe('dctrue');
    expect(
      await render(
        inside('{{#if m.b}}1{{else}}2{{/if}}{{#unless m.b}}3{{/unless}}{{#with m.b}}4{{else}}5{{/with}}'),
      ),
    ).toBe('235');
  });

  test('arithmetic reads decimal text, and nothing else', async () => {
    expect(await render('{{add (getv "/number") 1}}', { keys })).toBe('42');
    expect(await render('{{mul "-6" "7"}}')).toBe('-42');
    for (const text of ['1.5', '0x10', '', ' 1', '1e3', 'x']) {
      expect(await refusal(`{{add "${text}" 1}}`)).toContain('argument 1 must be a whole decimal number');
    }
  });

  test('comparing text with a number is refused', async () => {
    expect(await refusal('{{#if (eq (getv "/number") 41)}}{{/if}}', { keys })).toContain(
      'the text "41" can\'t be compared with the number 41',
    );
    expect(await refusal('{{lt "1" 2}}')).toContain("can't be compared");
    expect(await render('{{eq (atoi (getv "/number")) 41}}{{eq (getv "/number") "41"}}', { keys })).toBe(
      'truetrue',
    );
  });
});

describe('print', () => {
  test('text, numbers and booleans', async () => {
    expect(
      await render('{{getv "/number"}} {{add 1 2}} {{exists "/number"}} {{exists "/no"}}', { keys }),
    ).toBe('41 3 true false');
  });

  test('nothing is escaped', async () => {
    expect(await render('{{getv "/x"}}{{{getv "/x"}}}', { keys: { '/x': `<a href="b">&'` } })).toBe(
      `<a href="b">&'`.repeat(2),
    );
  });

  test.each([
    ['{{gets "/services/web/*"}}', 'is a list'],
    ['{{get "/number"}}', 'is a pair'],
    ['{{json (getv "/json")}}', 'is a map'],
    ['{{{json (getv "/json")}}}', 'is a map'],
    ['{{index (json (getv "/json")) "no"}}', 'is absent'],
    ['{{{index (json (getv "/json")) "no"}}}', 'is absent'],
    ['{{fromJson "null"}}', 'is absent'],
    ['{{reverse (gets "/services/web/*")}}', 'is a list'],
    ['{{#each (list (list 1))}}{{this}}{{/each}}', 'this is a list'],
  ])('%s is refused', async (source, message) => {
    const error = await refusal(source, { keys });
    expect(error).toMatch(/^t\.hbs:1:\d+: /);
    expect(error).toContain(message);
  });

  test('{{x}} refuses line breaks and NUL, {{{x}}} prints them', async () => {
    for (const key of ['/lines', '/nul']) {
      expect(await refusal(`{{getv "${key}"}}`, { keys })).toContain('t.hbs:1:3: (getv');
      expect(await render(`{{{getv "${key}"}}}{{&getv "${key}"}}`, { keys })).toBe(
        (keys as Record<string, string>)[key]?.repeat(2),
      );
    }
    for (const code of [0, 10, 11, 12, 13, 0x85, 0x2028, 0x2029]) {
      expect(await refusal('{{getv "/x"}}', { keys: { '/x': `a${String.fromCharCode(code)}b` } })).toContain(
        'line break',
      );
    }
    expect(await render('{{getv "/x"}}', { keys: { '/x': 'a\tb é 😀' } })).toBe('a\tb é 😀');
  });

  test('a literal is refused', async () => {
    expect(await refusalAtLoad('{{"x"}}')).toContain('write its text');
    expect(await refusalAtLoad('{{5}}')).toContain('write its text');
  });

  test('@nl and @tab print', async () => {
    expect(await render('a{{@nl}}b{{@tab}}c')).toBe('a\nb\tc');
  });
});

describe('blocks', () => {
  test('each refuses text, absent values, numbers and pairs', async () => {
    expect(await refusalAtLoad('{{#each "abc"}}{{/each}}')).toContain(
      'each needs a list or a map, and "abc" is text',
    );
    expect(await refusalAtLoad('{{#each (get "/x")}}{{/each}}')).toContain('is a pair');
    expect(await refusal('{{#each (fromJson "3")}}{{/each}}')).toContain('not the number 3');
    expect(await refusal('{{#each (fromJson "\\"a,b\\"")}}{{/each}}')).toContain('(split …)');
    expect(await refusal('{{#each (index (dict "a" 1) "b")}}{{else}}x{{/each}}')).toContain(
      'an absent value',
    );
  });

  test('each loops over lists and maps', async () => {
    expect(
      await render(
        '{{#each (list "a" "b" "c") as |x i|}}{{i}}{{x}}{{#if @first}}<{{/if}}{{#if @last}}>{{/if}}{{@index}} {{/each}}',
      ),
    ).toBe('0a<0 1b1 2c>2 ');
    expect(
      await render('{{#each (dict "b" 1 "a" 2) as |v k|}}{{k}}={{v}}={{@key}}={{@index}} {{/each}}'),
    ).toBe('b=1=b=0 a=2=a=1 ');
    expect(await render('{{#each (dict "b" 1 "10" 2 "9" 3) as |v k|}}{{k}} {{/each}}')).toBe('9 10 b ');
    expect(await render('{{#each (list)}}x{{else}}none{{/each}}{{#each (dict)}}x{{else}}none{{/each}}')).toBe(
      'nonenone',
    );
  });

  test('@key of a list is absent', async () => {
    expect(await refusal('{{#each (list 1)}}{{@key}}{{/each}}')).toContain('@key is absent');
  });

  test('if refuses the texts false and 0', async () => {
    for (const key of ['/flag/off', '/flag/zero']) {
      for (const block of [
        `{{#if (getv "${key}")}}{{/if}}`,
        `{{#unless (getv "${key}")}}{{/unless}}`,
        `{{#if (not (getv "${key}"))}}{{/if}}`,
        `{{#if (and (getv "${key}") true)}}{{/if}}`,
      ]) {
        expect(await refusal(block, { keys })).toContain('counts as true: write (parseBool …)');
      }
    }
    expect(await render('{{#if (parseBool (getv "/flag/off"))}}1{{else}}2{{/if}}', { keys })).toBe('2');
    expect(
      await render('{{#if (getv "/flag/on")}}1{{else}}2{{/if}}{{#if ""}}3{{else}}4{{/if}}', { keys }),
    ).toBe('14');
  });

  test('a list function opens each, a boolean one if, another is refused', async () => {
    expect(await render('{{#gets "/services/web/*"}}{{base key}}={{value}} {{/gets}}', { keys })).toBe(
      'a=127.0.0.1:8001 b=127.0.0.1:8002 ',
    );
    expect(await render('{{#gets "/no/*"}}x{{else}}none{{/gets}}', { keys })).toBe('none');
    expect(await render('{{^gets "/no/*"}}none{{/gets}}', { keys })).toBe('none');
    expect(await render('{{#lsdir "/services" as |s|}}{{s}}{{/lsdir}}', { keys })).toBe('web');
    expect(
      await render('{{#exists "/number"}}yes{{else}}no{{/exists}}{{#eq 1 2}}yes{{else}}no{{/eq}}', { keys }),
    ).toBe('yesno');
    expect(await render('{{#exists "/no"}}1{{else exists "/number"}}2{{else}}3{{/exists}}', { keys })).toBe(
      '2',
    );
    expect(await refusalAtLoad('{{#getv "/x"}}{{/getv}}')).toContain("can't open a block");
    expect(await refusalAtLoad('{{#get "/x"}}{{/get}}')).toContain('{{#with (get …)}}');
  });

  test('a value does not open a block by itself', async () => {
    expect(await refusalAtLoad('{{#each (gets "/x") as |i|}}{{#i}}{{/i}}{{/each}}')).toContain(
      'write {{#each i}}',
    );
  });

  test('block parameters are as many as the block gives, and differ', async () => {
    expect(await refusalAtLoad('{{#each (ls "/") as |a b c|}}{{/each}}')).toContain(
      'each gives 2 block parameters',
    );
    expect(await refusalAtLoad('{{#if true as |a|}}{{/if}}')).toContain('if gives 0 block parameters');
    expect(await refusalAtLoad('{{#with (get "/x") as |a b|}}{{/with}}')).toContain(
      'with gives 1 block parameters',
    );
    expect(await refusalAtLoad('{{#each (ls "/") as |a a|}}{{/each}}')).toContain('names two values alike');
    expect(await refusalAtLoad('{{^each (ls "/") as |a|}}{{/each}}')).toContain('else part');
  });

  test('blocks take one argument', async () => {
    expect(await refusalAtLoad('{{#each gets "/x/*"}}{{/each}}')).toContain('put a call in parentheses');
    expect(await refusalAtLoad('{{#if}}{{/if}}')).toContain('if takes 1 argument, not 0');
  });

  test('with renders its else part for nothing', async () => {
    expect(await render('{{#with (getv "/x" "") as |v|}}{{v}}{{else}}none{{/with}}')).toBe('none');
    expect(await render('{{#with (get "/number")}}{{key}}={{value}}{{/with}}', { keys })).toBe('/number=41');
    expect(await render('{{#with (add 0 0) as |n|}}{{n}}{{else}}none{{/with}}')).toBe('0');
  });
});

describe('what Handlebars has and a configuration file does not need', () => {
  test.each([
    ['{{* x}}', 'decorators'],
    ['{{#*inline "x"}}{{/inline}}', 'inline partials'],
    ['{{> (lookup . "x")}}', 'not by a call'],
    ['{{> @partial-block}}', 'a partial is named by its path'],
    ['{{#> layout}}{{/layout}}', 'partials with a block'],
    ['{{@root.x}}', 'unknown @root'],
    [
      '{{@foo}}',
      'unknown @foo: there are @revision @src @dest @item @name @nl @tab @index @key @first @last',
    ],
    ['{{@index}}', '@index is known inside {{#each}} only'],
    ['{{#each (ls "/")}}{{#each (ls "/")}}{{@../index}}{{/each}}{{/each}}', 'as |item index|'],
    ['{{@src.x}}', '@src has no fields'],
  ])('%s is refused at load', async (source, message) => {
    expect(await refusalAtLoad(source)).toContain(message);
  });

  test('the data variables', async () => {
    expect(await render('{{@revision}} {{@src}} {{@dest}}')).toBe('7 t.hbs /out/t');
  });
});

describe('errors of syntax', () => {
  test.each([
    ['{"a":{{x}}}', 't.hbs:1:9: }}} where }} was expected: for a brace after a value write {{x~}} }'],
    ['a\nbb {{#if true}}\n', 'the file ends before {{/if}}'],
    ['{{#if true}}{{/each}}', 't.hbs:1:4: {{#if}} is closed by {{/each}}: write {{/if}}'],
    ['{{/if}}', 't.hbs:1:1: this closes a block that was not opened'],
    ['{{else}}', '{{else}} without a block'],
    ['\n\n  {{getv "/x" | base}}', 't.hbs:3:15: unexpected "| base}}"'],
    ['{{{getv "/x"}}', '{{{ must be closed by }}}'],
    ['{{getv "/x"', 't.hbs:1:'],
    ['{{!-- never closed', 'not closed'],
    ['{{$x := 1}}', '.tmpl'],
  ])('%s', async (source, message) => {
    expect(await refusalAtLoad(source)).toContain(message);
  });

  test('the advice for a brace after a value is right', async () => {
    expect(await render('{"a":{{getv "/number"~}} }', { keys })).toBe('{"a":41}');
  });

  test('what else surprises is as documented', async () => {
    expect(await render(`$${'{{{'}getv "/number"}}}`, { keys })).toBe('$41');
    expect(await render('a\n{{#if false}}x{{/if}}\nb')).toBe('a\n\nb');
    expect(await render('\\{{x}}')).toBe('{{x}}');
  });
});
