import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandRunner } from '../../../src/command/run.js';
import type { CommandOptions, CommandResult, RunCommand } from '../../../src/command/types.js';
import { toHookBatch } from '../../../src/hooks/changes.js';
import { environmentOf, linesOf } from '../../../src/hooks/input.js';
import { Pending } from '../../../src/hooks/pending.js';
import { type HookOptions, HookRunner } from '../../../src/hooks/runner.js';
import type { HookEvent, HookInput } from '../../../src/hooks/types.js';
import type { Clock, Timer } from '../../../src/io/clock.js';
import { type Log, silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';

/** Time that passes when told. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; task: () => void }[] = [];
  readonly delays: number[] = [];
  monotonicMs = () => this.#now;
  wallMs = () => this.#now;
  yield = () => Promise.resolve();
  schedule(delayMs: number, task: () => void): Timer {
    const timer = { at: this.#now + delayMs, task };
    this.delays.push(delayMs);
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
    return { cancel };
  }
  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { task } of due) task();
  }
}

/** A command whose runs end when told; at most one may be under way. */
class Runs {
  readonly started: CommandOptions[] = [];
  #end: ((ok: boolean) => void) | undefined;
  readonly run: RunCommand = (_spec, options) => {
    expect(this.#end).toBeUndefined();
    this.started.push(options);
    return new Promise((resolve) => {
      const end = (ok: boolean, outcome = ok ? 'exit 0' : 'exit 1'): void => {
        this.#end = undefined;
        options.signal?.removeEventListener('abort', cancelled);
        resolve({ ok, outcome, exitCode: ok ? 0 : 1, output: '', durationMs: 1 });
      };
      const cancelled = (): void => end(false, 'cancelled');
      this.#end = end;
      options.signal?.addEventListener('abort', cancelled);
    });
  };
  async end(ok = true): Promise<void> {
    this.#end?.(ok);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  keys(run: number): string[] {
    return (this.started[run]?.input ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): string => JSON.parse(line).key);
  }
}

const put = (key: string, modRevision = 1, value = 'v'): HookEvent => ({
  type: 'put',
  key,
  value,
  modRevision,
});
const batch = (revision: number, ...keys: string[]) => ({
  revision,
  events: keys.map((key) => put(key, revision)),
});

function setup(options: Partial<HookOptions> = {}) {
  const runs = new Runs();
  const clock = new ManualClock();
  const hook = new HookRunner({
    name: 'h',
    command: 'x',
    timeoutMs: 1000,
    run: runs.run,
    clock,
    log: silentLog,
    retry: 'again',
    ...options,
  });
  return { runs, clock, hook };
}

describe('HookRunner', () => {
  it('runs once at a time; what arrives meanwhile goes to the next run, in order', async () => {
    const { runs, hook } = setup();
    hook.push(batch(1, '/a', '/b'));
    hook.push(batch(2, '/a'));
    hook.push(batch(3, '/c'));
    expect(runs.started).toHaveLength(1);
    await runs.end();
    expect(runs.started).toHaveLength(2);
    await runs.end();
    expect([runs.keys(0), runs.keys(1)]).toEqual([
      ['/a', '/b'],
      ['/a', '/c'],
    ]);
    expect(runs.started[1]?.env).toMatchObject({
      CONFETD_KEY: '/c',
      CONFETD_REVISION: '3',
      CONFETD_COUNT: '2',
    });
    await hook.idle();
    expect(runs.started).toHaveLength(2);
  });

  it('runs a failed batch again, with what is newer, after a growing and bounded delay', async () => {
    const { runs, clock, hook } = setup();
    hook.push(batch(1, '/a'));
    await runs.end(false);
    hook.push(batch(2, '/b'));
    expect(runs.started).toHaveLength(1);
    clock.pass(1000);
    expect(runs.keys(1)).toEqual(['/a', '/b']);
    for (let failures = 0; failures < 8; failures++) {
      await runs.end(false);
      clock.pass(60_000);
    }
    expect(clock.delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    await runs.end(true);
    await hook.idle();
    hook.push(batch(3, '/c'));
    await runs.end(false);
    expect(clock.delays.at(-1)).toBe(1000);
  });

  it('goes on after a failure where it was told never to retry', async () => {
    const results: CommandResult[] = [];
    const { runs, hook } = setup({ retry: 'never', onResult: (result) => results.push(result) });
    hook.push(batch(1, '/a'));
    hook.push(batch(2, '/b'));
    await runs.end(false);
    expect(runs.keys(1)).toEqual(['/b']);
    await runs.end();
    expect(results.map(({ outcome }) => outcome)).toEqual(['exit 1', 'exit 0']);
  });

  it('says when changes are merged, and asks to hold back', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) };
    const { runs, hook } = setup({ log, limits: { maxEvents: 3, maxBytes: 1 << 20, maxKeys: 100 } });
    hook.push(batch(1, '/first'));
    const answers = Array.from({ length: 10 }, (_, at) => hook.push(batch(at + 2, `/k${at % 2}`)));
    expect(answers.slice(0, 3)).toEqual([true, true, true]);
    expect(answers.slice(3)).not.toContain(true);
    expect(warnings).toHaveLength(1);
    await runs.end();
    expect(new Set(runs.keys(1))).toEqual(new Set(['/k0', '/k1']));
    expect(runs.started[1]?.env).toMatchObject({
      CONFETD_COUNT: '10',
      CONFETD_DROPPED: '0',
      CONFETD_REVISION: '11',
    });
  });

  it('ends its run when closed, and starts none', async () => {
    const { runs, hook } = setup();
    hook.push(batch(1, '/a'));
    hook.push(batch(2, '/b'));
    await hook.close();
    expect(runs.started).toHaveLength(1);
    hook.push(batch(3, '/c'));
    await hook.idle();
    expect(runs.started).toHaveLength(1);
  });

  it('closes while it waits to try again', async () => {
    const { runs, clock, hook } = setup();
    hook.push(batch(1, '/a'));
    await runs.end(false);
    const idle = hook.idle();
    await hook.close();
    await idle;
    clock.pass(100_000);
    expect(runs.started).toHaveLength(1);
  });

  it('loses no change and repeats none of a success, in any order of arrivals and ends', async () => {
    const step = fc.constantFrom('push', 'push', 'succeed', 'fail', 'wait');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const succeeded: string[] = [];
        const { runs, clock, hook } = setup({
          onResult: (result, input) => result.ok && succeeded.push(...input.events.map(({ key }) => key)),
        });
        let pushed = 0;
        for (const what of steps) {
          if (what === 'push') hook.push(batch(++pushed, `/k${pushed}`));
          else if (what === 'wait') clock.pass(60_000);
          else await runs.end(what === 'succeed');
        }
        const done = hook.idle();
        // At most: the run under way, one retry, and the changes that waited for it.
        for (let left = 0; left < 4; left++) {
          clock.pass(60_000);
          await runs.end();
        }
        await done;
        expect(succeeded).toEqual(Array.from({ length: pushed }, (_, at) => `/k${at + 1}`));
      }),
    );
  });

  it('gives a real command its batch and its variables', async () => {
    let output = '';
    const { hook } = setup({
      run: commandRunner(new NodeClock()),
      timeoutMs: 10_000,
      command: 'cat; echo "$ETCD_WATCH_ACTION $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE@$ETCD_WATCH_MODIFIED_INDEX"',
      onOutput: (chunk) => {
        output += chunk;
      },
    });
    const value = 'a "b"\n$c';
    hook.push({
      revision: 7,
      events: [put('/a', 7, value), { type: 'delete', key: '/b c', value: '', modRevision: 7 }],
    });
    await hook.idle();
    expect(output).toBe(
      `{"type":"put","action":"set","key":"/a","value":${JSON.stringify(value)},"modRevision":7}\n` +
        '{"type":"delete","action":"delete","key":"/b c","modRevision":7}\n' +
        'delete /b c=@7\n',
    );
  });
});

describe('the environment of a run', () => {
  const input = (value: string, key = '/k'): HookInput => ({
    revision: 1,
    count: 1,
    dropped: 0,
    events: [{ ...put(key, 1, value), action: 'create', createRevision: 1 }],
  });

  it('holds the value as it is, up to 64 KiB', () => {
    const value = 'é'.repeat(32 * 1024);
    expect(environmentOf(input(value)).ETCD_WATCH_VALUE).toBe(value);
    expect(environmentOf(input(`${value}x`))).not.toHaveProperty('ETCD_WATCH_VALUE');
    expect(environmentOf(input('a\0b'))).not.toHaveProperty('ETCD_WATCH_VALUE');
    expect(environmentOf(input('v', '/a\0'))).not.toHaveProperty('ETCD_WATCH_KEY');
  });

  it('leaves what no variable can hold to standard input', () => {
    expect(JSON.parse(linesOf(input('a\0b')))).toEqual({
      type: 'put',
      action: 'create',
      key: '/k',
      value: 'a\0b',
      modRevision: 1,
      createRevision: 1,
    });
  });
});

describe('Pending', () => {
  const limits = { maxEvents: 4, maxBytes: 10_000, maxKeys: 6 };

  it('always keeps the last change of each key, in order, until there are too many keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('/a', '/b', '/c', '/d', '/e', '/f'), { minLength: 1, maxLength: 60 }),
        (keys) => {
          const pending = new Pending(limits);
          for (const [at, key] of keys.entries()) pending.add({ revision: at, events: [put(key, at)] });
          const taken = pending.take();
          expect([taken?.count, taken?.dropped, taken?.revision]).toEqual([keys.length, 0, keys.length - 1]);
          const events = taken?.events ?? [];
          const revisions = events.map(({ modRevision }) => modRevision);
          expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
          for (const key of keys) {
            expect(events.findLast((event) => event.key === key)?.modRevision).toBe(keys.lastIndexOf(key));
          }
          if (keys.length <= 4) expect(events).toHaveLength(keys.length);
          expect(pending.take()).toBeUndefined();
        },
      ),
    );
  });

  it('holds a bounded number of keys and bytes, and counts what it dropped', () => {
    const pending = new Pending(limits);
    for (let at = 0; at < 1000; at++) pending.add({ revision: at, events: [put(`/k${at}`, at)] });
    const many = pending.take();
    expect(many?.events.length).toBeLessThanOrEqual(12);
    expect(many?.events.at(-1)?.key).toBe('/k999');
    expect((many?.events.length ?? 0) + (many?.dropped ?? 0)).toBe(1000);

    const large = new Pending({ ...limits, maxKeys: 1000 });
    for (let at = 0; at < 100; at++)
      large.add({ revision: at, events: [put(`/k${at}`, at, 'x'.repeat(2000))] });
    const held = large.take();
    expect(held?.events.reduce((sum, { value }) => sum + 2 * value.length, 0)).toBeLessThanOrEqual(
      160_000 + 4000,
    );
    expect(held?.dropped).toBeGreaterThan(0);
  });
});

describe('a hook’s part of a source’s changes', () => {
  it('is what lies in its subtrees', () => {
    const changes = [
      { type: 'put', pair: { key: '/a/x', value: '1', modRevision: 5 } },
      { type: 'put', pair: { key: '/ab', value: '2', modRevision: 5 } },
      { type: 'delete', key: '/a', modRevision: 6 },
    ] as const;
    expect(toHookBatch({ revision: 6, changes, committedAtMs: undefined }, ['/a'])).toEqual({
      revision: 6,
      events: [
        { type: 'put', key: '/a/x', value: '1', modRevision: 5 },
        { type: 'delete', key: '/a', value: '', modRevision: 6 },
      ],
    });
  });
});
