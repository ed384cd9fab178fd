import { describe, expect, test } from 'vitest';
import { Answers } from '../../../../../src/render/functions/needs.js';
import { contextOf } from '../../support.js';
import { compile, refusal, render } from './support.js';

// What Go's own text/template says stands in the corpus (test/conformance/gotemplate.test.ts).

describe('a missing key', () => {
  test('names key, file, line, column and call', async () => {
    expect(await refusal('# é\nx = {{getv "/app/é"}}')).toBe(
      'template: t.tmpl:2:6: executing "t.tmpl" at <getv "/app/é">: error calling getv: key does not exist: /app/é',
    );
  });
  test('in a template that the file defines', async () => {
    expect(await refusal('{{define "row"}}\n\t{{(get .).Value}}{{end}}{{template "row" "/x"}}')).toBe(
      'template: t.tmpl:2:4: executing "row" at <get .>: error calling get: key does not exist: /x',
    );
  });
  test('the column counts bytes, from 0, as in Go', async () => {
    expect(await refusal('☃é{{getv "/x"}}')).toContain('template: t.tmpl:1:7: ');
  });
});

test('what does not parse is told in confd’s words, with the path', async () => {
  expect(await refusal('a\n{{range}}')).toBe(
    'Unable to process template templates/t.tmpl, template: t.tmpl:2: missing value for range',
  );
});

describe('newer than the corpus’s Go', () => {
  test('else with', async () => {
    const template = '{{with .a}}a{{else with "b"}}{{.}}{{else}}c{{end}}';
    expect(await render(template)).toBe('b');
    expect(await render(template.replace('"b"', '""'))).toBe('c');
  });
  test('the variables of a loop that assigns are those outside of it', async () => {
    const template =
      '{{$i := "-"}}{{$e := "-"}}{{$other := 0}}{{range $i, $e = split "a,b" ","}}{{$i}}{{$e}} {{end}}{{$i}}{{$e}}{{$other}}';
    expect(await render(template)).toBe('0a 1b 1b0');
  });
});

describe('include', () => {
  const files = {
    'partials/server.tmpl': 'server {{.}};',
    'outer.tmpl': '[{{include "partials/server.tmpl" .}}]',
    'bad.tmpl': 'x\n{{getv "/none"}}',
    'a.tmpl': '{{include "b.tmpl"}}',
    'b.tmpl': '{{include "a.tmpl"}}',
    'self.tmpl': '{{include "self.tmpl"}}',
    'defines.tmpl': '{{define "part"}}its own{{end}}{{executeTemplate "part"}}',
  };
  test('another file of the templates folder, with its data, as text', async () => {
    expect(
      await render('{{include "partials/server.tmpl" "a:1"}}|{{"b" | include "outer.tmpl" | toUpper}}', {
        files,
      }),
    ).toBe('server a:1;|[SERVER B;]');
  });
  test('without data the dot is nothing, and variables stay outside', async () => {
    expect(await render('{{$x := 1}}{{include "partials/server.tmpl"}}', { files })).toBe(
      'server <no value>;',
    );
  });
  test('its files are dependencies', async () => {
    const template = await compile('{{if false}}{{include "outer.tmpl" 1}}{{end}}', { files });
    expect(template.files).toEqual([
      'templates/t.tmpl',
      'templates/outer.tmpl',
      'templates/partials/server.tmpl',
    ]);
  });
  test('an error in it names both places', async () => {
    expect(await refusal('\n{{include "bad.tmpl"}}', { files })).toBe(
      'template: t.tmpl:2:2: executing "t.tmpl" at <include "bad.tmpl">: error calling include: execute include bad.tmpl: ' +
        'template: bad.tmpl:2:2: executing "bad.tmpl" at <getv "/none">: error calling getv: key does not exist: /none',
    );
  });
  test('a cycle is refused', async () => {
    expect(await refusal('{{include "a.tmpl"}}', { files })).toContain(
      'include cycle detected: a.tmpl is already being processed',
    );
    expect(await refusal('{{include "self.tmpl"}}', { files })).toContain(
      'include cycle detected: self.tmpl',
    );
    expect(await refusal('{{include "t.tmpl"}}', { files })).toContain('include cycle detected: t.tmpl');
  });
  test.each(['../secret.tmpl', '/etc/passwd', 'partials/../../x', '..', '.', ''])(
    '%j leaves the folder',
    async (name) => {
      expect(await refusal(`\n{{include ${JSON.stringify(name)}}}`, { files })).toBe(
        `template: t.tmpl:2: include path "${name}" is outside template directory`,
      );
    },
  );
  test('a file that is not there is told at load', async () => {
    expect(await refusal('{{if false}}{{include "none.tmpl"}}{{end}}', { files })).toBe(
      "template: t.tmpl:1: templates/none.tmpl can't be read: there is no such file",
    );
  });
  test('a name may be computed, and come from a key', async () => {
    const keys = { '/which': 'partials/server.tmpl' };
    const world = { files, keys };
    expect(await render('{{include (print "partials/" "server.tmpl") 1}}', world)).toBe('server 1;');
    expect(await render('{{include (getv "/which") "k"}}', world)).toBe('server k;');
    expect(await render('{{getv "/which" | include}}', world)).toBe('server <no value>;');
    expect(await render('{{$n := "outer.tmpl"}}{{include $n 2}}', world)).toBe('[server 2;]');
    expect(await render('{{define "t"}}<{{.}}>{{end}}{{$n := "t"}}{{include $n 3}}', world)).toBe('<3>');
    expect(await render('{{include (print "./partials//" "server.tmpl") 4}}', world)).toBe('server 4;');
  });
  test('then every file and folder below templates is a dependency, and a broken one only where it is named', async () => {
    const more = { ...files, 'broken.tmpl': '{{if}}', 'latin1.txt': 'plain', '.hidden.tmpl': 'no' };
    const template = await compile('{{include (print "latin1" ".txt")}}', { files: more });
    expect(template.files).toEqual(
      expect.arrayContaining([
        'templates',
        'templates/partials',
        'templates/broken.tmpl',
        'templates/latin1.txt',
      ]),
    );
    expect(template.files).not.toContain('templates/.hidden.tmpl');
    expect(template.render(contextOf({}))).toBe('plain');
    expect(await refusal('\n{{include (print "broken" ".tmpl")}}', { files: more })).toBe(
      'template: t.tmpl:2:2: executing "t.tmpl" at <include (print "broken" ".tmpl")>: error calling include: ' +
        'parse include broken.tmpl: template: broken.tmpl:1: missing value for if',
    );
    expect(await refusal('{{include (print "." "hidden.tmpl")}}', { files: more })).toContain(
      'there is no template ".hidden.tmpl"',
    );
  });
  test.each(['../secret.tmpl', '/etc/passwd', 'partials/../../x', '..', '.', '', 'a/', 'a\0b'])(
    'a computed name can’t leave the folder: %j',
    async (name) => {
      expect(await refusal('\n\n{{include (getv "/n")}}', { files, keys: { '/n': name } })).toBe(
        'template: t.tmpl:3:2: executing "t.tmpl" at <include (getv "/n")>: error calling include: ' +
          `include path ${JSON.stringify(name)} is outside template directory`,
      );
    },
  );
  test('a cycle of computed names is refused, by whatever path', async () => {
    const loop = {
      'x.tmpl': '{{include (print "d/../y" ".tmpl")}}',
      'y.tmpl': '{{include (print "./x" ".tmpl")}}',
    };
    expect(await refusal('{{include (print "x" ".tmpl")}}', { files: loop })).toContain(
      'include cycle detected: ./x.tmpl is already being processed',
    );
    expect(await refusal('{{include (print "t" ".tmpl")}}')).toContain('include cycle detected: t.tmpl');
  });
  test('a folder of too many files is told at load, with the place', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`p/${at}.tmpl`, 'x']));
    expect(await refusal('\n{{$n := "p/1.tmpl"}}{{include $n}}', { files: many })).toBe(
      'template: t.tmpl:2: include with a name that only the render knows needs every file of the templates folder: ' +
        'the folder templates has more than 1000 files',
    );
  });
  test('a file is told apart from a template of the same name', async () => {
    const same = {
      'p/t.tmpl': 'file {{include "t.tmpl"}}',
      'p/u.tmpl': '{{define "v.tmpl"}}own{{end}}{{include "v.tmpl"}}',
    };
    expect(await render('{{include "p/u.tmpl"}}', { files: same })).toBe('own');
    expect(await refusal('{{include "p/t.tmpl"}}', { files: same })).toContain(
      'include cycle detected: t.tmpl',
    );
  });
  test('a template defined in the file is called by its name', async () => {
    expect(
      await render('{{define "t"}}<{{.}}>{{end}}{{include "t" 1}}{{executeTemplate "t" 2 | len}}', { files }),
    ).toBe('<1>3');
    expect(await render('{{include "defines.tmpl"}}', { files })).toBe('its own');
    expect(await refusal('{{executeTemplate "none"}}')).toContain(
      'error calling executeTemplate: there is no template "none"',
    );
  });
});

describe('a key that is not there, in a tree of maps', () => {
  const keys = { '/x': '{"a":{"b":null}}' };
  test('is no value; nil is an error to look into', async () => {
    expect(await render('{{$d := json (getv "/x")}}{{$d.a.b}} {{$d.no.such.field}}', { keys })).toBe(
      '<no value> <no value>',
    );
    expect(await refusal('{{$d := json (getv "/x")}}{{$d.a.b.c}}', { keys })).toContain(
      'nil pointer evaluating interface {}.c',
    );
  });
  test('no name reaches a prototype', async () => {
    expect(
      await render('{{$d := json (getv "/x")}}{{$d.constructor}}{{$d.__proto__}}{{$d.toString}}', { keys }),
    ).toBe('<no value>'.repeat(3));
    expect(await render('{{$d := json "{\\"__proto__\\":{\\"a\\":1}}"}}{{$d.__proto__.a}}{{$d.a}}')).toBe(
      '1<no value>',
    );
    expect(await refusal('{{(get "/x").constructor}}', { keys })).toContain(
      "can't evaluate field constructor in type memkv.KVPair",
    );
  });
});

describe('data from outside the store', () => {
  test('is asked for; the text that came of its lack is no text', async () => {
    const template = await compile('{{range lookupIP "web.internal"}}{{.}} {{else}}{{getv "/none"}}{{end}}');
    expect(() => template.render(contextOf({}))).toThrow('the template needs the addresses of web.internal');
    const answers = new Answers();
    answers.set({ type: 'address', host: 'web.internal' }, { value: ['10.0.0.2', '10.0.0.1'] });
    expect(template.render(contextOf({ answers }))).toBe('10.0.0.1 10.0.0.2 ');
  });
  test('a failed lookup is empty, as in confd', async () => {
    const answers = new Answers();
    answers.set({ type: 'service', service: 'db', proto: 'tcp', domain: 'local' }, { failure: 'no answer' });
    expect(
      await render('{{range lookupSRV "db" "tcp" "local"}}{{.Target}}{{else}}none{{end}}', { answers }),
    ).toBe('none');
  });
  test('service records have Go’s fields and kinds', async () => {
    const answers = new Answers();
    const record = { target: 'a.local.', port: 5432, priority: 1, weight: 2 };
    answers.set({ type: 'service', service: 'db', proto: 'tcp', domain: 'local' }, { value: [record] });
    const template =
      '{{range lookupSRV "db" "tcp" "local"}}{{.Target}}:{{.Port}} {{printf "%T" .Port}} {{eq .Port 5432}}{{end}}';
    expect(await render(template, { answers })).toBe('a.local.:5432 uint16 true');
  });
});

test('the keys seen are those of the resource, its prefix trimmed', async () => {
  const world = { keys: { '/app/a/x': '1', '/app/b': '2', '/other': '3' }, prefix: '/app' };
  expect(await render('{{range gets "/*"}}{{.Key}}{{end}} {{ls "/a"}} {{exists "/other"}}', world)).toBe(
    '/b [x] false',
  );
});

test('50,000 keys in 500 upstreams take a fraction of a second', async () => {
  const keys: Record<string, string> = {};
  for (let service = 0; service < 500; service++) {
    for (let instance = 0; instance < 100; instance++)
      keys[`/svc/s${service}/i${instance}`] = `10.0.${instance}.1:80`;
  }
  const template = await compile(
    '{{range lsdir "/svc"}}upstream {{.}} {\n{{range gets (printf "/svc/%s/*" .)}}  server {{.Value}}; # {{base .Key}}\n{{end}}}\n{{end}}',
  );
  const context = contextOf({ keys, maxBytes: 1e7 });
  const started = performance.now();
  const text = template.render(context);
  // 30 to 60 ms on a quiet machine.
  expect(performance.now() - started).toBeLessThan(1000);
  expect(text.split('\n')).toHaveLength(51_001);
});
