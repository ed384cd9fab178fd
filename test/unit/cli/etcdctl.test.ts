import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealEtcd, startEtcd } from '../../etcd.js';
import { peer, peers } from '../../peers.js';
import { confetctl, program, type Run, Running } from './harness.js';

const FORMATS = ['simple', 'fields', 'json', 'table', 'protobuf'];

/** Commands that leave the store as it was. */
const READS: readonly (readonly [string])[] = [
  ['get k1'],
  ['get k --prefix'],
  ['get k1 k3'],
  ['get nothing'],
  ['get k --prefix --limit 1'],
  ['get k --prefix --keys-only'],
  ['get k --prefix --order DESCEND'],
  ['get k --prefix --sort-by VALUE --order=ascend'],
  ['get k --prefix --sort-by CREATE --order descend'],
  ['get k2 --from-key --limit=2'],
  ['get k1 --consistency=s'],
  ['get k1 --rev 1'],
  ['get k1 --rev 2'],
  ['--hex get k --prefix'],
  ['get --hex=1 k2'],
  ['lease timetolive 123'],
  ['lease timetolive 123 --keys'],
  ['lease timetolive {LEASE}'],
  ['lease timetolive {LEASE} --keys'],
  ['lease list'],
  ['lease keep-alive --once {LEASE}'],
  ['lease keep-alive --once 123'],
  ['member list'],
  ['member list --hex'],
  ['endpoint status'],
  ['endpoint status --cluster'],
  ['endpoint health'],
  ['endpoint hashkv'],
  ['endpoint hashkv --rev 3'],
];

/** Commands that write, with their standard input. */
const WRITES: readonly (readonly [string, string?])[] = [
  ['put scratch b'],
  ['put scratch c --prev-kv'],
  ['put scratch', 'from standard input\n'],
  ['put scratch --ignore-value --prev-kv'],
  ['put scratch -- -starts-with-a-dash'],
  ['del scratch --prev-kv'],
  ['del nothing'],
  [
    'txn',
    'mod("k1") > "0"\nval("k1") = "v1"\n\nput t2 v2\nget k1\ndel nothere\nput t3 "a b" --prev-kv\n\nget k1\n\n',
  ],
  ['txn', 'ver("k1") = "7"\n\nput t2 v2\n\nget k --prefix --keys-only\n\n'],
  ['txn -i', 'create("k1") != "0"\n\nget `k1`\n\n\n'],
  ['txn', 'val("k1") = "v1"\n\nput a "q \\x41\\n"\ndel t --prefix --prev-kv\nget a\n\n\n'],
  ['txn', '\n\n\n'],
  ['lease grant 100'],
];

/** What fails, and how: the format plays no part. */
const FAILURES: readonly (readonly [string, string?])[] = [
  ['get'],
  ['get k --prefix --from-key'],
  ['get k l --prefix'],
  ['get k l --from-key'],
  ['get k1 --consistency x'],
  ['get k1 --order FOO'],
  ['get k1 --sort-by FOO'],
  ['get k1 --print-value-only -w json'],
  ['get k1 --rev 9999'],
  ['put'],
  ['put onlykey'],
  ['put a b --ignore-value'],
  ['put a b --lease zz'],
  ['put a b --lease 12345'],
  ['put missing --ignore-value'],
  ['del'],
  ['del a b c'],
  ['del a b --prefix'],
  ['del a --prefix --from-key'],
  ['txn extra'],
  ['txn', 'val("t1")\n\n\n\n'],
  ['txn', 'ver("t1") = "x"\n\n\n\n'],
  ['txn', 'foo("t1") = "x"\n\n\n\n'],
  ['txn', '\nput x 1\nput x 2\n\n\n'],
  ['txn', '\nput a'],
  ['txn', '\nput \n\n\n'],
  ['txn', '\nput a\n\n\n'],
  ['lease grant'],
  ['lease grant x'],
  ['lease revoke'],
  ['lease revoke zz'],
  ['lease revoke 123'],
  ['lease timetolive'],
  ['lease keep-alive'],
  ['compaction'],
  ['compaction x'],
  ['compaction 9999'],
  ['alarm list x'],
  ['alarm disarm x'],
  ['watch'],
  ['watch a b --prefix'],
  ['watch b a'],
  ['watch k --'],
  ['watch -i'],
  ['lock'],
  ['get --nonsense'],
  ['get --hex=yes k'],
  ['--command-timeout 5 get k'],
  ['nonsense'],
  ['get k1 -w nonsense'],
  ['txn -w table', '\n\n\n'],
  ['get k --cacert /does/not/exist'],
];

describe.skipIf(!peers('etcd', 'etcdctl'))('confetctl prints what etcdctl prints', () => {
  let etcd: RealEtcd;
  let lease: string;
  const stock = peer('etcdctl') ?? '';
  const variables = () => ({ ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: etcd.endpoint });
  const etcdctl = (argv: readonly string[], input = '') => program(stock, argv, input, variables());
  const ours = (argv: readonly string[], input = '') => confetctl(argv, input, variables());

  beforeAll(async () => {
    etcd = await startEtcd();
    for (const [key, value] of [
      ['k1', 'v1'],
      ['k2', 'v\n2"\\ \x01 ü ☃ <&>'],
      ['k3', ''],
    ] as const) {
      await etcdctl(['put', key, '--', value]);
    }
    const granted = await etcdctl(['lease', 'grant', '3000']);
    lease = granted.stdout.split(' ')[1] ?? '';
    await etcdctl(['put', 'l1', 'v', '--lease', lease]);
    // Revisions of two bytes in protobuf, for both.
    for (let n = 0; n < 140; n++) await ours(['put', 'fill', 'x']);
  });

  afterAll(async () => {
    await etcd?.stop();
  });

  const wordsOf = (line: string): string[] => line.replace('{LEASE}', lease).split(' ');

  describe.each(FORMATS)('in format %s', (format) => {
    test.concurrent.each(READS)('%s', async (line) => {
      const words = [...wordsOf(line), '-w', format];
      const [theirs, mine] = await Promise.all([etcdctl(words), ours(words)]);
      expect(normalised(mine)).toEqual(normalised(theirs));
    });

    test.each(WRITES)('%s', async (...[line = '', input = '']) => {
      const words = [...wordsOf(line), '-w', format];
      await reset();
      const theirs = await etcdctl(words, input);
      await reset();
      const mine = await ours(words, input);
      // Revisions inside binary output can't be normalised.
      const shape = format === 'protobuf' ? sizes : normalised;
      expect(shape(mine)).toEqual(shape(theirs));
      if (line === 'lease grant 100') await revokeOthers();
    });
  });

  /** What writing commands start from. */
  async function reset(): Promise<void> {
    await ours(['txn'], '\ndel t --prefix\ndel a\nput scratch b\n\n\n');
    await ours(['txn'], '\nput t2 v\nput t3 old\n\n\n');
  }

  /** The next comparison finds the leases that this one found. */
  async function revokeOthers(): Promise<void> {
    const { stdout } = await etcdctl(['lease', 'list']);
    for (const id of stdout.split('\n').slice(1)) {
      if (id !== '' && id !== lease) await etcdctl(['lease', 'revoke', id]);
    }
  }

  test.each(FAILURES)('fails alike: %s', async (...[line = '', input = '']) => {
    const words = wordsOf(line);
    const [theirs, mine] = [await etcdctl(words, input), await ours(words, input)];
    expect(theirs.exitCode).not.toBe(0);
    expect(mine.exitCode).toBe(theirs.exitCode);
    expect(mine.stderr).toMatch(/^(.*\n)*Error: .+\n$/);
  });

  test('an alarm is listed and disarmed', async () => {
    const small = await startEtcd('--quota-backend-bytes=100000');
    try {
      const env = { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: small.endpoint };
      const big = 'x'.repeat(50_000);
      let last: Run = { exitCode: 0, stdout: '', stderr: '' };
      for (let n = 0; n < 100 && last.exitCode === 0; n++)
        last = await confetctl(['put', `big${n}`, big], '', env);
      expect(last.stderr).toContain('etcdserver: mvcc: database space exceeded');
      for (const format of ['simple', 'json', 'protobuf', 'table']) {
        const words = ['alarm', 'list', '-w', format];
        expect(normalised(await confetctl(words, '', env))).toEqual(
          normalised(await program(stock, words, '', env)),
        );
      }
      const disarmed = await confetctl(['alarm', 'disarm'], '', env);
      expect(disarmed.stdout).toMatch(/^memberID:\d+ alarm:NOSPACE \n$/);
      expect((await program(stock, ['alarm', 'list'], '', env)).stdout).toBe('');
    } finally {
      await small.stop();
    }
  });

  describe('watch', () => {
    const WATCHES = [
      'watch w --prefix',
      'watch w1 --prev-kv',
      'watch w w2',
      'watch w --prefix --prev-kv',
      '--hex watch w1',
    ];

    test.each(['simple', 'fields', 'json', 'protobuf'])('history in format %s', async (format) => {
      const { stdout } = await etcdctl(['put', 'w1', 'v1', '-w', 'json']);
      const start = /"revision":(\d+)/.exec(stdout)?.[1] ?? '';
      await etcdctl(['put', 'w1', 'v\n"2']);
      await etcdctl(['del', 'w1']);
      await etcdctl(['txn'], '\nput w1 a\nput w2 b\n\n\n');
      await etcdctl(['put', 'w-end', 'END']);
      await Promise.all(
        WATCHES.map(async (line) => {
          const words = [...line.split(' '), '--rev', start, '-w', format];
          const theirs = await untilQuiet(words);
          const running = new Running(words, variables());
          await running.printed(theirs);
          expect(running.stdout).toBe(theirs);
          expect(theirs.length).toBeGreaterThan(10);
        }),
      );
    });

    /** What etcdctl has printed once nothing more has come for a while. */
    async function untilQuiet(words: readonly string[]): Promise<string> {
      const { stdout } = await program('timeout', ['0.4', stock, ...words], '', variables());
      return stdout;
    }

    test('a compacted start and an empty range end it with exit 5', async () => {
      await etcdctl(['compaction', '3']);
      for (const words of [
        ['watch', 'w1', '--rev', '1'],
        ['watch', 'w1', '--rev', '1', '-w', 'json'],
        ['watch', 'b', 'a'],
      ]) {
        const [theirs, mine] = [await etcdctl(words), await ours(words)];
        expect(mine).toEqual(theirs);
        expect(mine.exitCode).toBe(5);
      }
    });
  });
});

/** Without what two runs can't share: revisions, raft indexes, times, lease IDs, and etcdctl's log lines. */
function normalised({ exitCode, stdout, stderr }: Run): Run {
  return {
    exitCode,
    stdout: normalisedText(stdout),
    stderr: normalisedText(stderr.replace(/^\{"level":.*\n/gm, '')),
  };
}

function sizes({ exitCode, stdout }: Run) {
  return { exitCode, bytes: stdout.length };
}

function normalisedText(text: string): string {
  return text
    .replace(
      /("(?:revision|create_revision|mod_revision|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|version|hash)":)\d+/g,
      '$1N',
    )
    .replace(/^("(?:Prev)?(?:\w*Revision|Version|RaftIndex|RaftAppliedIndex|DBSize|Hash)" : )\d+$/gm, '$1N')
    .replace(/\d+(\.\d+)?(\u00c2\u00b5s|µs|ms|s)\b/g, 'TIME')
    .replace(/ {2,}TOOK {2,}/g, ' TOOK ')
    .replace(/-{8,16}/g, '--------')
    .replace(/remaining\(\d+s\)/g, 'remaining(N)')
    .replace(/"(TTL|ttl)"( ?: ?)\d+/g, '"$1"$2N')
    .replace(/^(lease )[0-9a-f]{16}( granted)/gm, '$1ID$2')
    .replace(/"ID"( ?: ?)\d{15,20}/g, '"ID"$1N')
    .replace(/(, |\| *)\d+(, | +\| +)\d+(, | +\| *)/g, '$1N$2N$3');
}
