import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { load } from '../../../src/confdir/load.js';
import { only, root, template, write } from './support.js';

describe('a resource', () => {
  it('reads every key', async () => {
    const resource = await only(
      template(
        'keys = ["/services", "config/"]',
        'prefix = "production"',
        'mode = "0640"',
        'owner = "nginx"',
        'gid = 33',
        'check_cmd = "nginx -t -c {{.src}}"',
        'verify_cmd = ["nginx", "-t"]',
        'reload_cmd = "nginx -s reload"',
        'check_cmd_timeout = "1m30s"',
        'verify_cmd_timeout = 5',
        'reload_cmd_timeout = "1.5s"',
        'wait = { min = "500ms", max = 4 }',
        'min_entries = 2',
        'create_dest_dirs = true',
        'on_drift = "report"',
        'missing_key = "default"',
        'refuse_empty = true',
        'output_format = "xml"',
        'render_timeout = "3s"',
        'max_output_bytes = 9',
        'backup = 3',
        'rollback_on_reload_failure = true',
        'reload_splay = "30s"',
      ),
    );
    expect(resource).toEqual({
      name: 'a',
      position: { file: join(root, 'conf.d/a.toml'), line: 1, column: 1 },
      src: 'a.hbs',
      srcPath: join(root, 'templates/a.hbs'),
      dest: '/tmp/a.conf',
      prefix: '/production',
      subtrees: ['/production/services', '/production/config'],
      mode: 0o640,
      owner: 'nginx',
      group: undefined,
      uid: undefined,
      gid: 33,
      renderTimeoutMs: 3_000,
      maxOutputBytes: 9,
      checkCmd: 'nginx -t -c {{.src}}',
      verifyCmd: ['nginx', '-t'],
      reloadCmd: 'nginx -s reload',
      checkTimeoutMs: 90_000,
      verifyTimeoutMs: 5_000,
      reloadTimeoutMs: 1_500,
      minReloadIntervalMs: 0,
      wait: { minMs: 500, maxMs: 4_000 },
      minEntries: 2,
      createDestDirs: true,
      onDrift: 'report',
      missingKey: 'zero',
      refuseEmpty: true,
      outputFormat: 'xml',
      backup: 3,
      rollbackOnReloadFailure: true,
      reloadSplayMs: 30_000,
      lane: undefined,
      forEach: undefined,
      item: undefined,
      absent: false,
    });
  });

  it('has the defaults that leave things as they are', async () => {
    const resource = await only(template('uid = -1'));
    expect(resource).toMatchObject({
      prefix: '',
      subtrees: [''],
      mode: undefined,
      uid: undefined,
      minEntries: 0,
    });
    expect(resource).toMatchObject({
      wait: undefined,
      createDestDirs: false,
      onDrift: 'repair',
      checkCmd: undefined,
    });
  });

  it.each([
    ['', '["/"]', undefined, '', ['']],
    ['/p/', '["/a/", "b//c", "/a"]', undefined, '/p', ['/p/a', '/p/b/c']],
    ['/p', '["/a"]', 'global/', '/global', ['/global/a']],
    ['/p', '["/a"]', '/', '', ['/a']],
    ['/p', '[]', undefined, '/p', []],
    ['/p', '["../x"]', undefined, '/p', ['/x']],
  ])(
    'joins prefix %s and keys %s under the global prefix %s',
    async (prefix, keys, global, expected, subtrees) => {
      const resource = await only(template(`prefix = "${prefix}"`, `keys = ${keys}`), { prefix: global });
      expect([resource?.prefix, resource?.subtrees]).toEqual([expected, subtrees]);
    },
  );

  it('resolves a relative destination against the process', async () => {
    const content = template().replace('/tmp/a.conf', 'out/../a.conf');
    expect((await only(content, { cwd: '/srv' }))?.dest).toBe('/srv/a.conf');
    expect((await only(content))?.dest).toBe(join(process.cwd(), 'a.conf'));
  });

  it('takes a wait that is a table of its own', async () => {
    expect((await only(template('[template.wait]', 'min = "2s"')))?.wait).toEqual({
      minMs: 2000,
      maxMs: 8000,
    });
  });
});

describe('the keys of confd’s active fork', () => {
  it('debounce is a wait, min_reload_interval a time, yml is yaml', async () => {
    const found = await only(
      template('debounce = "2s"', 'reload_cmd = "r"', 'min_reload_interval = "30s"', 'output_format = "yml"'),
    );
    expect(found).toMatchObject({
      wait: { minMs: 2_000, maxMs: 8_000 },
      minReloadIntervalMs: 30_000,
      outputFormat: 'yaml',
    });
  });

  const defaults = {
    renderTimeoutMs: 1,
    maxOutputBytes: 2,
    checkTimeoutMs: 3_000,
    reloadTimeoutMs: 4_000,
    wait: { minMs: 5, maxMs: 5, together: true },
  };

  it('the flags’ defaults are of resources that say nothing', async () => {
    expect(await only(template(), { defaults })).toMatchObject({
      checkTimeoutMs: 3_000,
      verifyTimeoutMs: 3_000,
      reloadTimeoutMs: 4_000,
      wait: defaults.wait,
    });
  });

  it.each([
    ['debounce = "1s"', { minMs: 1_000, maxMs: 4_000 }],
    ['wait = { min = "1s", max = "2s" }', { minMs: 1_000, maxMs: 2_000 }],
    ['debounce = 0', undefined],
  ])('its own %s goes before a flag', async (line, wait) => {
    const timeouts = ['check_cmd_timeout = "7s"', 'reload_cmd_timeout = "8s"'];
    expect(await only(template(line, ...timeouts), { defaults })).toMatchObject({
      wait,
      checkTimeoutMs: 7_000,
      reloadTimeoutMs: 8_000,
    });
  });

  it('a group takes them for all of its files', async () => {
    await write(
      'g.toml',
      '[[group]]\ndebounce = "1s"\nreload_cmd = "r"\nmin_reload_interval = "9s"\n' +
        '[[group.template]]\nsrc = "a"\ndest = "/tmp/a"\n[[group.template]]\nsrc = "a"\ndest = "/tmp/b"\n',
    );
    const { resources, problems: found } = await load(root);
    expect(found).toEqual([]);
    expect(resources.map(({ wait, minReloadIntervalMs }) => [wait?.minMs, minReloadIntervalMs])).toEqual([
      [1_000, 9_000],
      [1_000, 9_000],
    ]);
  });
});

describe('the environment', () => {
  it(`stands for \${NAME} in paths, keys and owners, never in commands`, async () => {
    const content = template(
      `keys = ["/\${ENV}/a", "/b\${NO:-}"]`,
      `owner = "\${USER_OF}"`,
      `reload_cmd = "reload \${ENV} $\${X}"`,
    ).replace('/tmp/a.conf', () => `/tmp/\${ENV}/\${NO:-app}$\${X}.conf`);
    const found = await only(content, { env: { ENV: 'prod', USER_OF: 'web', NO: undefined } });
    expect(found).toMatchObject({
      dest: `/tmp/prod/app\${X}.conf`,
      subtrees: ['/prod/a', '/b'],
      owner: 'web',
      reloadCmd: `reload \${ENV} $\${X}`,
    });
  });

  it.each([
    ['replace', 'prefix_mode = "replace"', undefined, '/g'],
    ['join', 'prefix_mode = "join"', undefined, '/g/p'],
    ['the default, confd’s', '', undefined, '/g'],
    ['the daemon’s, where the resource says nothing', '', 'join', '/g/p'],
    ['its own before the daemon’s', 'prefix_mode = "replace"', 'join', '/g'],
  ] as const)(
    'has a prefix that the global one meets as prefix_mode says: %s',
    async (_name, line, mode, prefix) => {
      const found = await only(template('prefix = "p"', line), { prefix: 'g', prefixMode: mode });
      expect(found?.prefix).toBe(prefix);
    },
  );
});
