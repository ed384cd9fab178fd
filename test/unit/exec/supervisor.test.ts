import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { childStarter, exitCodeOf } from '../../../src/exec/child.js';
import { Supervisor } from '../../../src/exec/supervisor.js';
import { EXEC_DEFAULTS, type ExecChild, type ExecEnd, type ExecSettings } from '../../../src/exec/types.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { ManualClock } from '../render/rig.js';

let folder: string;
let supervisor: Supervisor | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'confetd-exec-'));
});
afterEach(async () => {
  await supervisor?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const log = (): string => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : '');

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not in 10 s: ${log()}`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** A script that writes what it gets to a file. */
function script(...lines: readonly string[]): readonly string[] {
  const path = join(folder, 'child.sh');
  writeFileSync(path, ['say() { echo "$1" >> log; }', ...lines, ''].join('\n'));
  return ['sh', '-c', `cd "${folder}" && . ./child.sh`];
}

const WAIT = 'say up; while :; do sleep 0.02; done';

function supervise(settings: Partial<ExecSettings> & Pick<ExecSettings, 'command'>): Supervisor {
  const clock = new NodeClock();
  const prng = new Prng(1);
  const random = { uint32: () => prng.uint32(), float: () => prng.float() };
  supervisor = new Supervisor(
    { ...EXEC_DEFAULTS, ...settings },
    { clock, random, log: silentLog, start: childStarter(clock) },
  );
  return supervisor;
}

describe('a supervised child', () => {
  it('gets the reload signal when files have changed, and every forwarded one', async () => {
    const command = script("trap 'say hup' HUP", "trap 'say usr2' USR2", WAIT);
    const one = supervise({ command, reloadSignal: 'SIGHUP' });
    one.changed();
    one.start();
    one.start();
    await until(() => log() === 'up\n');
    one.changed();
    await until(() => log() === 'up\nhup\n');
    one.signal('SIGUSR2');
    await until(() => log() === 'up\nhup\nusr2\n');
    expect(await one.stop()).toEqual({ signal: 'SIGTERM' });
    expect(log()).toBe('up\nhup\nusr2\n');
  });

  it('is restarted where it has no reload signal: never two at a time, once for all that changes until the new one starts', async () => {
    const command = script(
      "trap 'sleep 0.1; say down; exit 0' TERM",
      'if [ -e pid ] && kill -0 $(cat pid) 2>/dev/null; then say two; fi',
      'echo $$ > pid',
      WAIT,
    );
    const one = supervise({ command });
    one.start();
    await until(() => log() === 'up\n');
    one.changed();
    one.changed();
    one.changed();
    await until(() => log() === 'up\ndown\nup\n');
    one.changed();
    await until(() => log() === 'up\ndown\nup\ndown\nup\n');
    expect(await one.stop()).toEqual({ exitCode: 0 });
    expect(log()).not.toContain('two');
  });

  it('gets its kill signal, and SIGKILL with all of its group when it doesn’t end in time', async () => {
    const command = script(
      "trap 'say quit' QUIT; trap '' TERM",
      "(trap '' TERM QUIT; while :; do say alive; sleep 0.02; done) &",
      WAIT,
    );
    const one = supervise({ command, killSignal: 'SIGQUIT', killTimeoutMs: 150 });
    one.start();
    await until(() => log().includes('alive'));
    expect(await one.stop()).toEqual({ signal: 'SIGKILL' });
    expect(log()).toContain('quit\n');
    const length = log().length;
    await new Promise((wake) => setTimeout(wake, 100));
    expect(log().length).toBe(length);
  });

  it.each([
    ['exit 3', 3],
    ['kill -9 $$', 137],
  ])('that ends by itself is told with its code: %s', async (line, code) => {
    const one = supervise({ command: script(line) });
    one.start();
    expect(exitCodeOf(await one.ended)).toBe(code);
  });

  it('that can’t be started is told as shells do', async () => {
    const missing = supervise({ command: ['/no/such/program'] });
    missing.start();
    expect(exitCodeOf(await missing.ended)).toBe(127);
    appendFileSync(join(folder, 'plain'), 'x');
    const plain = supervise({ command: [join(folder, 'plain')] });
    plain.start();
    const end = await plain.ended;
    expect([exitCodeOf(end), end.failure]).toEqual([
      126,
      expect.stringContaining(`can't run ${folder}/plain`),
    ]);
  });

  it('leaves nothing of its own running when it ends by itself', async () => {
    const one = supervise({
      command: script('(while :; do say left; sleep 0.02; done) &', 'sleep 0.1', 'exit 0'),
    });
    one.start();
    await one.ended;
    const length = log().length;
    await new Promise((wake) => setTimeout(wake, 100));
    expect(log().length).toBe(length);
  });
});

describe('the splay', () => {
  it('spreads reloads at random, one for all changes until it is over, and none after a stop', async () => {
    const delays: number[] = [];
    for (const seed of [1, 2, 3]) {
      const clock = new ManualClock();
      const signals: string[] = [];
      let end = (_end: ExecEnd): void => undefined;
      const child: ExecChild = {
        pid: 1,
        ended: new Promise((resolve) => {
          end = resolve;
        }),
        signal: (signal) => {
          signals.push(signal);
          if (signal === 'SIGTERM') end({ exitCode: 0 });
        },
        endGroup: () => Promise.resolve(),
      };
      const prng = new Prng(seed);
      const random = { uint32: () => prng.uint32(), float: () => prng.float() };
      const settings = { ...EXEC_DEFAULTS, command: 'x', reloadSignal: 'SIGHUP', splayMs: 10_000 } as const;
      const one = new Supervisor(settings, { clock, random, log: silentLog, start: () => child });
      one.start();
      one.changed();
      one.changed();
      let waited = 0;
      for (; signals.length === 0 && waited <= 10_000; waited += 10) clock.advance(10);
      delays.push(waited);
      expect(signals).toEqual(['SIGHUP']);
      one.changed();
      expect(await one.stop()).toEqual({ exitCode: 0 });
      clock.advance(20_000);
      expect(signals).toEqual(['SIGHUP', 'SIGTERM']);
    }
    expect(new Set(delays).size).toBe(3);
  });
});
