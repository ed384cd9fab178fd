import { expect, test } from 'vitest';
import type { CommandResult, RunCommand } from '../../../src/command/types.js';
import type { Hook } from '../../../src/confdir/types.js';
import { HookSet } from '../../../src/hooks/hook-set.js';
import { silentLog } from '../../../src/io/log.js';
import type { Change, Pair, Snapshot, Source, SourceListener } from '../../../src/source/types.js';
import { VirtualClock } from '../../sim/clock.js';

/** A source driven by the test. */
class ManualSource implements Source {
  readonly name = 'manual';
  listener: SourceListener | undefined;
  subtrees: readonly string[] = [];

  load(): Promise<Snapshot> {
    return Promise.reject(new Error('not used'));
  }

  follow(subtrees: readonly string[], listener: SourceListener) {
    this.subtrees = subtrees;
    this.listener = listener;
    return { close: () => Promise.resolve() };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const ok: CommandResult = { ok: true, outcome: 'exit 0', exitCode: 0, output: '', durationMs: 1 };

function hook(name: string, ...subtrees: string[]): Hook {
  return {
    name,
    position: { file: 'h.toml', line: 1, column: 1 },
    prefix: '',
    subtrees,
    command: name,
    timeoutMs: 1000,
  };
}

function pair(key: string, value: string, modRevision: number): Pair {
  return { key, value, modRevision };
}

function setup() {
  const runs: string[] = [];
  const run: RunCommand = async (spec, { input }) => {
    const keys = (input ?? '')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { key: string }).key);
    runs.push(`${String(spec)}: ${keys.join(' ')}`);
    return ok;
  };
  const clock = new VirtualClock();
  const source = new ManualSource();
  const hooks = new HookSet({ source, run, clock, log: silentLog });
  const snapshot = (revision: number, ...pairs: Pair[]) =>
    source.listener?.snapshot({ origin: 'c', revision, pairs });
  const changes = (revision: number, ...list: Change[]) =>
    source.listener?.changes({ revision, changes: list, committedAtMs: undefined });
  return { runs, clock, source, hooks, snapshot, changes };
}

test('a hook runs for changes of its keys, not for what was there before', async () => {
  const { runs, clock, source, hooks, snapshot, changes } = setup();
  await hooks.setHooks([hook('a', '/a'), hook('b', '/b', '/a/x')]);
  expect(source.subtrees).toEqual(['/a', '/b']);
  snapshot(5, pair('/a/1', 'v', 3));
  await clock.advance(0);
  expect(runs).toEqual([]);
  changes(6, { type: 'put', pair: pair('/a/x', 'v', 6) }, { type: 'delete', key: '/b', modRevision: 6 });
  await clock.advance(0);
  expect(runs).toEqual(['a: /a/x', 'b: /a/x /b']);
});

test('what changed while the source was lost is found in the next snapshot', async () => {
  const { runs, clock, hooks, snapshot } = setup();
  await hooks.setHooks([hook('a', '/a')]);
  snapshot(5, pair('/a/1', 'v', 3), pair('/a/2', 'v', 4), pair('/a/3', 'v', 5));
  snapshot(9, pair('/a/1', 'v', 3), pair('/a/2', 'w', 8), pair('/a/4', 'v', 9));
  await clock.advance(0);
  expect(runs).toEqual(['a: /a/2 /a/4 /a/3']);
});

test('another cluster’s snapshot is nobody’s change', async () => {
  const { runs, clock, source, hooks, snapshot } = setup();
  await hooks.setHooks([hook('a', '/a')]);
  snapshot(5, pair('/a/1', 'v', 3));
  source.listener?.snapshot({ origin: 'other', revision: 2, pairs: [pair('/a/9', 'v', 2)] });
  await clock.advance(0);
  expect(runs).toEqual([]);
});

test('exchanging hooks neither loses a change of a kept one nor replays the past to a new one', async () => {
  const { runs, clock, hooks, snapshot } = setup();
  await hooks.setHooks([hook('a', '/a')]);
  snapshot(5, pair('/a/1', 'v', 3));
  await hooks.setHooks([hook('a', '/a'), hook('b', '/b')]);
  // /a/1 changed in between; /b/1 had been there all the time.
  snapshot(6, pair('/a/1', 'w', 6), pair('/b/1', 'v', 2));
  await clock.advance(0);
  expect(runs).toEqual(['a: /a/1']);
});
