import { describe, expect, it } from 'vitest';
import { formatProblem, load } from '../../../src/confdir/load.js';
import { problems, root, template, write } from './support.js';

describe('a problem', () => {
  it.each([
    ['mode = 0644', '4:12 error mode: TOML numbers can\'t begin with 0: write mode = "0644"'],
    ['mode = 0644 # all', '4:12 error mode: TOML numbers can\'t begin with 0: write mode = "0644"'],
    ['mode = 644', '4:8 error mode must be octal text: write mode = "0644"'],
    ['mode = 0o755', '4:8 error mode must be octal text: write mode = "0755"'],
    ['mode = true', '4:8 error mode must be octal text: write mode = "0644"'],
    ['mode = "0888"', '4:8 error mode is the text "0888": expected octal text such as mode = "0644"'],
    ['mode = "644"', '4:8 warning mode = "644" is read as octal: write mode = "0644"'],
    [
      'reload_command = "x"',
      /^4:1 error unknown key reload_command: known are src, dest, prefix, prefix_mode, keys, /,
    ],
    ['check_cmmd = "x"', '4:1 error unknown key check_cmmd: did you mean check_cmd?'],
    ['  "é\\n" = 1', /^4:3 error unknown key é\\n: /],
    ['keys = "/a"', '4:8 error keys is the text "/a": expected a list of texts, such as keys = ["/a", "/b"]'],
    ['keys = [\n  "/a", # one\n  2]', '6:3 error keys[1] is 2: expected text in quotes'],
    ['prefix = 3', '4:10 error prefix is 3: expected text in quotes, such as prefix = "…"'],
    ['check_cmd = ""', '4:13 error check_cmd is empty: leave it out, or write a command'],
    ['check_cmd = []', /^4:13 error check_cmd names no program: /],
    ['check_cmd = "a\\u0000b"', '4:13 error check_cmd holds a NUL character: remove it'],
    [
      'uid = "root"',
      '4:7 error uid is the text "root": expected a whole number from -1 to 4294967294, without quotes',
    ],
    ['uid = 4294967295', '4:7 error uid is 4294967295: expected a number from -1 to 4294967294'],
    ['owner = "a"\nuid = 1', '5:7 error owner and uid both name the owner: keep one'],
    ['min_entries = 99999999999999999999', /^4:15 error min_entries is 99999999999999999999: expected/],
    [
      'create_dest_dirs = "yes"',
      '4:20 error create_dest_dirs is the text "yes": expected true or false, without quotes',
    ],
    ['on_drift = "fix"', '4:12 error on_drift is the text "fix": expected "repair" or "report"'],
    [
      'check_cmd_timeout = "10"',
      /^4:21 error check_cmd_timeout is the text "10": expected a duration such as/,
    ],
    ['check_cmd_timeout = 0', /^4:21 error check_cmd_timeout is 0: expected a duration/],
    ['check_cmd_timeout = -1', /^4:21 error check_cmd_timeout is -1: expected a duration/],
    ['check_cmd_timeout = "25h"', '4:21 error check_cmd_timeout is longer than 24h, the most there is'],
    ['wait = "5s"', /^4:8 error wait is the text "5s": expected a table such as wait = \{ min/],
    ['wait = { max = "5s" }', /^4:1 error wait misses min/],
    ['wait = { min = "5s", max = "1s" }', '4:28 error max is shorter than min: raise max or lower min'],
    ['debounce = "soon"', /^4:12 error debounce is the text "soon": expected a duration such as/],
    [
      'wait = { min = "1s" }\ndebounce = "1s"',
      '5:12 error debounce and wait both say how long to wait for quiet: keep one (debounce = "1s" is wait = { min = "1s" })',
    ],
    ['min_reload_interval = "1m"', '4:23 error min_reload_interval needs a reload_cmd'],
    [
      'reload_cmd = "r"\nmin_reload_interval = "1m"\nrollback_on_reload_failure = true',
      /^5:23 error min_reload_interval puts reloads off, and rollback_on_reload_failure needs them at once/,
    ],
    ['wait = { min = "5s", mix = "1s" }', '4:22 error unknown key mix: did you mean min?'],
    ['[hook]\ncommand = "x"', '4:1 error hook must be a list of tables: write [[hook]]'],
    ['[[hook]]\ntimeout = "1s"', '4:1 error command is missing: write command = "…" under [[hook]]'],
    ['keys = []\nmode = 1979-13-45T00:00:00Z\nuid = 1', '5:1 error not valid TOML: Invalid Datetime'],
    ['[other]', '4:1 error unknown key other: known are template, group, hook'],
    ['missing_key = "warn"', /^4:15 error missing_key is the text "warn": expected "error" or "zero"/],
    ['output_format = "ini"', /^4:17 error output_format is the text "ini": expected "json" or "yaml" or/],
    ['backup = 101', '4:10 error backup is 101: expected a number from 0 to 100'],
    ['rollback_on_reload_failure = true', /^4:30 error rollback_on_reload_failure needs a reload_cmd/],
    ['prefix_mode = "append"', '4:15 error prefix_mode is the text "append": expected "replace" or "join"'],
    ['prune = true', '4:9 error prune is for templates with a for_each: add one, or leave prune out'],
    ['for_each = "/sites/*"', /^3:8 error dest is the same for every item of for_each: write \{\{name\}\}/],
    ['for_each = "/sites"', /^4:12 error for_each = "\/sites" matches one key at most: write a glob/],
  ])('names line, column and key: %s', async (line, expected) => {
    const found = await problems(template(line));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it.each([
    ['[template]\ndest = "/tmp/x"', '1:1 error src is missing: write src = "nginx.hbs" under [template]'],
    ['[template]\nsrc = "x.hbs"', '1:1 error dest is missing: write dest = "/etc/app.conf" under [template]'],
    ['[template]\nsrc = ""\ndest = "/x"', '2:7 error src is empty: leave it out, or write a value'],
    ['[template]\nsrc = "../x.hbs"\ndest = "/x"', /^2:7 error src = "..\/x.hbs" must be a file under /],
    ['[template]\nsrc = "/x.hbs"\ndest = "/x"', /^2:7 error src = "\/x.hbs" must be a file under /],
    [
      '[template]\nsrc = "x.hbs"\ndest = "/etc/"',
      '3:8 error dest = "/etc/" names a folder: add the file\'s name',
    ],
    ['[template]\nsrc = "x.hbs"\ndest = "."', '3:8 error dest = "." names a folder: add the file\'s name'],
    ['src = "x"', '1:1 error unknown key src: it belongs under a line [template]'],
    ['[[template]]\nsrc = "x"', '1:1 error dest is missing: write dest = "/etc/app.conf" under [template]'],
    ['[[group]]\nname = "g"', /^1:1 error a group without files: write \[\[group.template\]\]/],
    ['[[group]]\nsrc = "x"', /^1:1 error a group without files/],
    [
      '[[group]]\nreload_cmd = "r {{.dest}}"\n[[group.template]]\nsrc = "x.hbs"\ndest = "/x"',
      /^2:14 error reload_cmd of a group is about all of its files/,
    ],
    [
      '[[group]]\n[[group.template]]\nsrc = "x.hbs"\ndest = "/x"\nreload_cmd = "r"',
      '5:1 error unknown key reload_cmd: it belongs under the line [[group]], for all of its files',
    ],
    [`[template]\nsrc = "x"\ndest = "/\${NO}"`, /^3:8 error dest: the environment variable NO isn't set/],
    [
      `[template]\nsrc = "x"\ndest = "/\${a b}"`,
      /^3:8 error dest: "\$\{a b\}" is no variable: write \$\{NAME\}/,
    ],
    [`[template]\nsrc = "x"\ndest = "/\${A"`, /^3:8 error dest: "\$\{A" is no variable/],
    ['template = 1', /^1:12 error template is 1: expected a table/],
    ['debounce = "1s"', '1:1 error unknown key debounce: it belongs under a line [template]'],
    [
      '[[group]]\n[[group.template]]\nsrc = "x.hbs"\ndest = "/x"\nmin_reload_interval = "1s"',
      '5:1 error unknown key min_reload_interval: it belongs under the line [[group]], for all of its files',
    ],
    [
      '[template]\nsrc = "x"\ndest = "/x"\n[backend]\nbackend = "vault"',
      '4:1 error unknown key backend: all resources have one backend: run a second confetd for these',
    ],
    ['# nothing\n', /^1:1 warning nothing in it/],
    ['[template\nsrc = 1', /^1:10 error not valid TOML: /],
    ['[template]\nsrc = nginx', '2:8 error src: text needs quotes: write src = "nginx"'],
    ['[template]\nsrc = "a"\nsrc = "b"', /^3:\d+ error not valid TOML: /],
    ['__proto__ = 1\nconstructor = 2', /^1:1 error unknown key __proto__/],
  ])('is told of a whole file: %j', async (content, expected) => {
    expect((await problems(content))[0]).toMatch(expected);
  });

  it('tells where a file stops being UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('# é \ufffd\n[template]\nsrc = "'),
      Buffer.from([0xe9]),
      Buffer.from('"\n'),
    ]);
    expect(await problems(bytes)).toEqual(['3:8 error not UTF-8 text: save the file in that encoding']);
  });

  it('leaves the other resources alone, and takes nothing from its own file', async () => {
    await write('bad.toml', template('[[hook]]', 'command = "true"', '[nonsense]'));
    await write('deep/good.toml', template());
    const { resources, hooks, problems } = await load(root);
    expect(resources.map(({ name }) => name)).toEqual(['deep/good']);
    expect(hooks).toEqual([]);
    expect(problems.map(formatProblem)).toEqual([
      `${root}/conf.d/bad.toml:6:1: unknown key nonsense: known are template, group, hook`,
    ]);
  });

  it('bounds their number a file', async () => {
    const found = await problems(Array.from({ length: 1000 }, (_, at) => `key${at} = 1`).join('\n'));
    expect(found).toHaveLength(50);
  });
});
