import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WITHOUT_EFFECT } from '../../../src/main/confd-fork-flags.js';
import { confdirOptions, readConfig } from '../../../src/main/config.js';
import { DAEMON_FLAGS, type DaemonFlags } from '../../../src/main/flags.js';
import { sourceSpec } from '../../../src/main/source-spec.js';

/**
 * Every flag of confd and of its active fork: its name, its key in confd.toml ('': none there), what it is without being
 * given, and a value as it is written and as it is read. `own`: the default differs from theirs on purpose.
 */
const TABLE: readonly [
  flag: string,
  key: string,
  unset: unknown,
  given: string,
  read: unknown,
  own?: 'own',
][] = [
  // confd.
  ['auth-token', 'auth_token', '', 't', 't'],
  ['auth-type', 'auth_type', '', 'token', 'token'],
  ['app-id', 'app_id', '', 'a', 'a'],
  ['user-id', 'user_id', '', 'u', 'u'],
  ['role-id', 'role_id', '', 'r', 'r'],
  ['secret-id', 'secret_id', '', 's', 's'],
  ['path', 'path', '', 'p', 'p'],
  ['backend', 'backend', 'embedded', 'redis', 'redis', 'own'],
  ['basic-auth', 'basic_auth', false, 'true', true],
  ['client-ca-keys', 'client_cakeys', '', 'ca.pem', 'ca.pem'],
  ['client-cert', 'client_cert', '', 'c.pem', 'c.pem'],
  ['client-key', 'client_key', '', 'k.pem', 'k.pem'],
  ['client-insecure', 'client_insecure', false, 'true', true],
  ['confdir', 'confdir', '/etc/confd', '/c', '/c'],
  ['file', 'file', [], 'a.yaml', ['a.yaml']],
  ['filter', 'filter', '*', '*.yaml', '*.yaml'],
  ['interval', 'interval', 600_000, '60', 60_000],
  ['keep-stage-file', 'keep-stage-file', false, 'true', true],
  ['keep-stage-file', 'keep_stage_file', false, 'true', true],
  ['log-level', 'log-level', 'info', 'debug', 'debug'],
  ['node', 'nodes', [], 'h:1', ['h:1']],
  ['noop', 'noop', false, 'true', true],
  ['onetime', 'onetime', false, 'true', true],
  ['prefix', 'prefix', '', '/p', '/p'],
  ['scheme', 'scheme', 'http', 'https', 'https'],
  ['srv-domain', 'srv_domain', '', 'd', 'd'],
  ['srv-record', 'srv_record', '', 'r', 'r'],
  ['sync-only', 'sync-only', false, 'true', true],
  ['sync-only', 'sync_only', false, 'true', true],
  ['table', 'table', '', 't', 't'],
  ['separator', 'separator', '/', ':', ':', 'own'],
  ['username', 'username', '', 'u', 'u'],
  ['password', 'password', '', 'p', 'p'],
  ['watch', 'watch', true, 'false', false, 'own'],
  // The fork.
  ['failure-mode', 'failure_mode', 'best-effort', 'fail-fast', 'fail-fast'],
  ['log-format', 'log-format', '', 'json', 'json'],
  ['check-config', 'check_config', false, 'true', true],
  ['validate', 'validate', false, 'true', true],
  ['preflight', 'preflight', false, 'true', true],
  ['preflight-timeout', 'preflight_timeout', 10_000, '3s', 3_000],
  ['diff', 'diff', false, 'true', true],
  ['diff-context', 'diff_context', 3, '5', 5],
  ['color', 'color', 'auto', 'true', 'true', 'own'],
  ['debounce', 'debounce', 0, '500ms', 500],
  ['batch-interval', 'batch_interval', 0, '5s', 5_000],
  ['template-cache', 'template_cache', true, 'true', true],
  ['no-template-cache', 'no_template_cache', false, 'true', true],
  ['stat-cache-ttl', 'stat_cache_ttl', 0, '5s', 5_000, 'own'],
  ['timeout', 'backend_timeout', 10_000, '1m', 60_000, 'own'],
  ['check-cmd-timeout', 'check_cmd_timeout', 30_000, '1s', 1_000],
  ['reload-cmd-timeout', 'reload_cmd_timeout', 60_000, '2m', 120_000],
  ['dial-timeout', 'dial_timeout', 0, '1s', 1_000, 'own'],
  ['read-timeout', 'read_timeout', 0, '1s', 1_000, 'own'],
  ['write-timeout', 'write_timeout', 0, '1s', 1_000, 'own'],
  ['retry-max-attempts', 'retry_max_attempts', 3, '5', 5],
  ['retry-base-delay', 'retry_base_delay', 100, '200ms', 200],
  ['retry-max-delay', 'retry_max_delay', 5_000, '10s', 10_000],
  ['watch-error-backoff', 'watch_error_backoff', 0, '2s', 2_000, 'own'],
  ['shutdown-timeout', 'shutdown_timeout', 10_000, '30', 30_000, 'own'],
  ['systemd-notify', 'systemd_notify', false, 'true', true],
  ['watchdog-interval', 'watchdog_interval', 0, '30s', 30_000],
  ['metrics-addr', 'metrics_addr', '', ':9100', ':9100'],
  ['acm-export-private-key', 'acm_export_private_key', false, 'true', true],
  ['secretsmanager-version-stage', 'secretsmanager_version_stage', '', 'X', 'X', 'own'],
  ['secretsmanager-no-flatten', 'secretsmanager_no_flatten', false, 'true', true],
  ['imds-cache-ttl', 'imds_cache_ttl', 0, '60s', 60_000, 'own'],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'confd-table-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(argv: readonly string[], env: Record<string, string> = {}) {
  const config = readConfig(argv, env);
  if (config === undefined) throw new Error('help was not asked for');
  return config;
}

/** As the environment has it: `client-ca-keys` is CONFD_CLIENT_CAKEYS there, `node` also CONFD_NODES. */
const variable = (key: string): string => `CONFD_${key.replaceAll('-', '_').toUpperCase()}`;

describe.each(TABLE)('--%s, %s in confd.toml', (flag, key, unset, given, value) => {
  const name = flag as keyof DaemonFlags;
  const config = '--config-file=/none';

  test('has its default', () => {
    expect(read([config]).flags[name]).toEqual(unset);
  });

  test('by the flag with one dash or two, by the variable, by the file', () => {
    for (const dashes of ['-', '--']) {
      expect(read([config, `${dashes}${flag}=${given}`]).flags[name]).toEqual(value);
      const words = typeof value === 'boolean' ? [] : [given];
      if (value !== false) expect(read([config, `${dashes}${flag}`, ...words]).flags[name]).toEqual(value);
    }
    expect(read([config], { [variable(key)]: given }).flags[name]).toEqual(value);
    const path = join(folder, 'confd.toml');
    const written = Array.isArray(value)
      ? `["${given}"]`
      : /^(?:true|false|\d+)$/.test(given)
        ? given
        : `"${given}"`;
    writeFileSync(path, `${key} = ${written}\n`);
    const { flags, warnings } = read([`--config-file=${path}`]);
    expect(flags[name]).toEqual(value);
    expect(warnings.join()).not.toContain('unknown key');
  });

  test('warns where it can do nothing, and only then; under --strict it is refused', () => {
    const { warnings } = read([config, `--${flag}=${given}`]);
    const why = WITHOUT_EFFECT[flag];
    const told = warnings.filter((warning) => warning.includes('has no effect'));
    expect(told).toEqual(why === undefined ? [] : [`--${flag} has no effect: ${why}`]);
    const strict = () => read([config, '--strict', `--${flag}=${given}`]);
    if (why === undefined) expect(strict).not.toThrow();
    else expect(strict).toThrow(`--strict: --${flag} has no effect: ${why}`);
  });
});

test('the table has every flag that the fork has, and no reason stands for a flag that isn’t there', () => {
  for (const [flag] of TABLE) expect(DAEMON_FLAGS).toHaveProperty([flag]);
  for (const flag of Object.keys(WITHOUT_EFFECT)) expect(TABLE.map(([name]) => name)).toContain(flag);
});

test('mock data and a resource go with the checks; --backend-timeout is another name of --timeout', () => {
  const { flags } = read([
    '--validate',
    '--mock-data=m.json',
    '--resource=a.toml',
    '--backend-timeout',
    '30s',
  ]);
  expect(flags).toMatchObject({ 'mock-data': 'm.json', resource: 'a.toml', timeout: 30_000 });
  expect(read(['--preflight', '--preflight-timeout=3s', '--timeout=9s']).flags.timeout).toBe(3_000);
  expect(read(['--preflight', '--timeout=9s']).flags.timeout).toBe(9_000);
});

test('an unknown flag stays an error, and so does a negative time', () => {
  expect(() => read(['--template-cache-size=5'])).toThrow('unknown flag: --template-cache-size');
  expect(() => read(['--debounce=-1s'])).toThrow('--debounce is negative: expected a duration such as 10s');
});

test.each([
  [['--noop', '--diff', '--color', 'env'], 'always', 'env'],
  [['--color', 'never', 'env'], 'never', 'env'],
  [['--color', '--noop'], 'always', 'embedded'],
  [['--color'], 'always', 'embedded'],
])('%j: --color has a value or none', (argv, color, backend) => {
  expect(read(argv).flags).toMatchObject({ color, backend });
});

test('--template-cache=false warns as --no-template-cache does', () => {
  expect(read(['--template-cache=false']).warnings).toEqual([
    expect.stringMatching(/^--template-cache=false has no effect: a template is compiled once/),
  ]);
});

test('what resources and the backend’s client are told by the flags', () => {
  const { flags } = read([
    '--debounce=1s',
    '--check-cmd-timeout=5s',
    '--reload-cmd-timeout=6s',
    '--prefix=/p',
    '--render-timeout=7s',
    '--max-output-bytes=8',
  ]);
  expect(confdirOptions(flags)).toEqual({
    prefix: '/p',
    prefixMode: 'replace',
    defaults: {
      renderTimeoutMs: 7_000,
      maxOutputBytes: 8,
      checkTimeoutMs: 5_000,
      reloadTimeoutMs: 6_000,
      wait: { minMs: 1_000, maxMs: 4_000 },
    },
  });
  const times = ['--dial-timeout=1s', '--read-timeout=2s', '--retry-base-delay=3ms', '--retry-max-delay=4s'];
  for (const backend of ['etcdv3', 'consul', 'redis', 'zookeeper']) {
    const spec = sourceSpec(read([`--backend=${backend}`, ...times, '--retry-max-attempts=7']).flags, {});
    expect(spec.timing).toEqual({
      dialTimeoutMs: 1_000,
      readTimeoutMs: 2_000,
      firstRetryMs: 3,
      maxRetryMs: 4_000,
      loadAttempts: 7,
    });
  }
  expect(sourceSpec(read(['--backend=etcdv3']).flags, {}).timing).toEqual({
    firstRetryMs: 100,
    maxRetryMs: 5_000,
    loadAttempts: 3,
  });
});
