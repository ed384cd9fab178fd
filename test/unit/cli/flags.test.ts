import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/base/duration.js';
import { type FlagSet, parseFlags } from '../../../src/cli/flags.js';
import { settle } from '../../../src/cli/settings.js';
import { flagLines } from '../../../src/cli/usage.js';

const FLAGS = {
  name: { kind: 'string', default: 'default', usage: 'a name' },
  onetime: { kind: 'boolean', default: false, usage: 'once' },
  'write-out': { kind: 'string', short: 'w', default: 'simple', usage: 'format' },
  'snapshot-count': { kind: 'integer', default: 10, min: 1, usage: 'a count' },
  interval: { kind: 'duration', bareUnit: 's', default: 600_000, usage: 'an interval' },
  'heartbeat-interval': { kind: 'duration', bareUnit: 'ms', default: 100, usage: 'a heartbeat' },
  'command-timeout': { kind: 'duration', default: 5_000, usage: 'needs a unit' },
  node: { kind: 'list', default: [], usage: 'repeatable' },
  'listen-client-urls': {
    kind: 'list',
    separator: ',',
    default: ['a', 'b'],
    aliases: ['addr'],
    usage: 'URLs',
  },
} as const satisfies FlagSet;

const valuesOf = (...argv: string[]) => settle(FLAGS, parseFlags(FLAGS, argv)).values;
const restOf = (...argv: string[]) => parseFlags(FLAGS, argv, { interspersed: true });

describe('Go-style flags', () => {
  test.each(['-name=x', '--name=x'])('%s in one word', (word) => expect(valuesOf(word).name).toBe('x'));
  test.each(['-name', '--name'])('%s with the value in the next word', (word) => {
    expect(valuesOf(word, '-starts-with-a-dash').name).toBe('-starts-with-a-dash');
  });

  test.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('a boolean is bare or =%s', (word) => {
    expect(valuesOf('-onetime').onetime).toBe(true);
    expect(valuesOf(`--onetime=${word}`).onetime).toBe(true);
  });
  test.each(['0', 'f', 'F', 'FALSE', 'false', 'False'])('a boolean is off with =%s', (word) => {
    expect(valuesOf(`-onetime=${word}`).onetime).toBe(false);
  });
  test('a boolean never takes the next word', () => {
    const { given, rest } = parseFlags(FLAGS, ['-onetime', 'false']);
    expect([given.get('onetime'), rest]).toEqual([true, ['false']]);
  });

  test('the last one wins; a list keeps them all', () => {
    expect(valuesOf('-name', 'a', '-name', 'b').name).toBe('b');
    expect(valuesOf('-node', 'a,b', '-node=c').node).toEqual(['a,b', 'c']);
    expect(valuesOf('-listen-client-urls', 'x,y', '--listen-client-urls=z')['listen-client-urls']).toEqual([
      'x',
      'y',
      'z',
    ]);
  });

  test('an alias is the flag', () => expect(valuesOf('-addr', 'q')['listen-client-urls']).toEqual(['q']));

  test.each([['-w', 'json'], ['-w=json'], ['-wjson'], ['--write-out', 'json']])(
    'short flags: %s',
    (...argv) => {
      expect(valuesOf(...argv)['write-out']).toBe('json');
    },
  );

  test('the first argument ends flags, or flags stand anywhere', () => {
    expect(parseFlags(FLAGS, ['a', '-onetime']).rest).toEqual(['a', '-onetime']);
    expect(restOf('a', '-onetime', 'b', '--', '-c')).toMatchObject({
      rest: ['a', 'b', '-c'],
      restBeforeDashes: 2,
    });
    expect(restOf('-', '--').restBeforeDashes).toBe(1);
  });

  test.each(['-h', '-help', '--help', '--h'])('%s asks for help', (word) => {
    expect(parseFlags(FLAGS, [word]).help).toBe(true);
  });

  test.each([
    [['-nam', 'x'], 'unknown flag: -nam'],
    [['--onetimes'], 'unknown flag: --onetimes'],
    [['-name'], 'flag needs an argument: -name'],
    [['-onetime=yes'], 'invalid value "yes" for flag -onetime: expected true or false'],
    [['-snapshot-count', '1.5'], 'invalid value "1.5" for flag -snapshot-count: expected a whole number'],
    [['-snapshot-count', '0'], 'expected at least 1'],
    [['-command-timeout', '5'], 'expected a duration such as 500ms, 10s or 1m30s'],
  ])('%j is refused: %s', (argv, message) => {
    expect(() => parseFlags(FLAGS, argv)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
  });

  test('bare numbers count in the unit of their flag', () => {
    expect(valuesOf('-interval', '10').interval).toBe(10_000);
    expect(valuesOf('-heartbeat-interval', '10')['heartbeat-interval']).toBe(10);
    expect(valuesOf('-interval', '1m30s').interval).toBe(90_000);
  });

  test('any text survives as the value of a flag', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(valuesOf('-name', text).name).toBe(text);
        expect(valuesOf(`--name=${text}`).name).toBe(text);
      }),
    );
  });

  test('whatever words come, it answers or refuses with a usage error', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-', '--', '-w', '--name', '-onetime=', '-=', '--=x', '-wx', '---x'),
    );
    fc.assert(
      fc.property(fc.array(word), fc.boolean(), (argv, interspersed) => {
        try {
          parseFlags(FLAGS, argv, { interspersed });
        } catch (error) {
          expect(error).toMatchObject({ code: 'usage' });
        }
      }),
    );
  });

  test('help lists each flag with its default', () => {
    expect(flagLines(FLAGS)).toContain('-w, --write-out="simple"');
    expect(flagLines(FLAGS)).toContain('--interval=10m0s');
  });
});

describe('precedence', () => {
  const prefixes = ['CONFETD_', 'ETCD_', 'CONFD_'];
  const file = {
    path: 'etcd.yml',
    entries: { name: 'file', 'snapshot-count': 7, node: ['x', 'y'], onetime: true },
  };
  const settled = (argv: string[], env: Record<string, string>) =>
    settle(FLAGS, parseFlags(FLAGS, argv), { env, envPrefixes: prefixes, file });

  test('flag, then CONFETD_, ETCD_, CONFD_, then the file, then the default', () => {
    const env: Record<string, string> = { CONFETD_NAME: 'confetd', ETCD_NAME: 'etcd', CONFD_NAME: 'confd' };
    const name = (argv: string[]) => settled(argv, env).values.name;
    expect(name(['-name', 'flag'])).toBe('flag');
    expect(name([])).toBe('confetd');
    delete env.CONFETD_NAME;
    expect(name([])).toBe('etcd');
    delete env.ETCD_NAME;
    expect(name([])).toBe('confd');
    delete env.CONFD_NAME;
    expect(name([])).toBe('file');
    expect(settled([], {}).values).toMatchObject({
      'snapshot-count': 7,
      node: ['x', 'y'],
      onetime: true,
      interval: 600_000,
    });
    expect(settled([], { ETCD_NAME: 'x' }).origins).toMatchObject({
      name: { variable: 'ETCD_NAME' },
      node: { file: 'etcd.yml' },
      interval: 'default',
    });
  });

  test('an empty variable is no variable', () => {
    expect(settled([], { ETCD_NAME: '' }).values.name).toBe('file');
  });

  test('a variable that no flag has only warns; one of a flag with a bad value is refused by name', () => {
    expect(settled([], { CONFETD_PORT: 'tcp://10.0.0.1', OTHER: 'x' }).warnings).toEqual([
      'CONFETD_PORT in the environment is no setting that is known here; it is ignored',
    ]);
    expect(() => settled([], { ETCD_SNAPSHOT_COUNT: 'many' })).toThrow(
      'invalid value "many" in ETCD_SNAPSHOT_COUNT',
    );
  });

  test("a file's bad value names the key and the file", () => {
    const bad = { path: 'etcd.yml', entries: { name: { a: 1 } } };
    expect(() => settle(FLAGS, parseFlags(FLAGS, []), { file: bad })).toThrow('for name in etcd.yml');
  });
});

describe('durations', () => {
  test.each([
    ['0', 0],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['-2ms', -2],
    ['100us', 0.1],
    ['1h2m3.5s', 3_723_500],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBeCloseTo(ms, 9));

  test.each(['', '5', 's', '1x', '1 s', '--1s', '1s2', '.s'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test.each([
    [0, '0s'],
    [0.972392, '972.392µs'],
    [1.141465, '1.141465ms'],
    [5000.858691, '5.000858691s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [0.000001, '1ns'],
  ])('%d ms is printed as Go does: %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test('what is printed is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (microseconds) => {
        const ms = microseconds / 1000;
        expect(parseDuration(formatDuration(ms))).toBeCloseTo(ms, 3);
      }),
    );
  });
});
