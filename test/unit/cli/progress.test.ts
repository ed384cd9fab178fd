import { describe, expect, test } from 'vitest';
import { few, Progress, type StatusStream, waited } from '../../../src/cli/progress.js';
import type { Log } from '../../../src/io/log.js';
import { ManualClock } from '../render/rig.js';

/** A terminal as its user sees it: the lines above, and the one that the cursor is in. */
class Screen implements StatusStream {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly lines: string[] = [];
  current = '';
  writes = 0;

  constructor(options: { isTTY?: boolean; columns?: number } = {}) {
    this.isTTY = options.isTTY ?? true;
    this.columns = options.columns ?? 40;
  }

  write(text: string): void {
    this.writes++;
    for (const [at, part] of text.split('\r\u001b[2K').entries()) {
      if (at > 0) this.current = '';
      const [rest = '', ...below] = part.split('\n').reverse();
      for (const line of below.reverse()) {
        this.lines.push(this.current + line);
        this.current = '';
      }
      this.current += rest;
    }
  }
}

function setup(options: { isTTY?: boolean; columns?: number; term?: string; wanted?: boolean } = {}) {
  const screen = new Screen(options);
  const clock = new ManualClock();
  const env = { TERM: options.term ?? 'xterm' };
  const progress = new Progress({ stream: screen, clock, env, wanted: options.wanted ?? true });
  return { screen, clock, progress };
}

const waiting = (elapsedMs: number): string => `waiting for ${waited(elapsedMs)}`;

describe('the status line', () => {
  test('comes after half a second, tells how long it has been, and is gone at the end', () => {
    const { screen, clock, progress } = setup();
    progress.show(waiting);
    clock.advance(499);
    expect([screen.writes, screen.current]).toEqual([0, '']);
    clock.advance(1);
    expect(screen.current).toBe('waiting for 0 s');
    clock.advance(3_000);
    expect(screen.current).toBe('waiting for 3 s');
    progress.done();
    expect([screen.current, screen.lines, clock.timers]).toEqual(['', [], 0]);
  });

  test('is never seen where all is done in less', () => {
    const { screen, clock, progress } = setup();
    progress.show(waiting);
    clock.advance(450);
    progress.done();
    clock.advance(5_000);
    expect(screen.writes).toBe(0);
  });

  test('is redrawn at most ten times a second, and not at all where it says the same', () => {
    const { screen, clock, progress } = setup();
    progress.show(() => 'start');
    clock.advance(500);
    screen.writes = 0;
    for (let file = 0; file < 1_000; file++) {
      progress.show(() => `rendering ${file} of 1000`);
      clock.advance(1);
    }
    expect(screen.writes).toBeLessThanOrEqual(10);
    expect(screen.writes).toBeGreaterThanOrEqual(9);
    clock.advance(100);
    screen.writes = 0;
    clock.advance(10_000);
    expect([screen.writes, screen.current]).toEqual([0, 'rendering 999 of 1000']);
  });

  test('goes on while no timer runs: what is shown next is drawn when it is time', () => {
    const { screen, clock, progress } = setup();
    progress.show(() => 'one');
    const busy = clock.monotonicMs() + 700;
    clock.monotonicMs = () => busy;
    progress.show(() => 'two');
    expect(screen.current).toBe('two');
  });

  test('makes room for other output, and comes back below it', () => {
    const { screen, clock, progress } = setup();
    const lines: string[] = [];
    const sink = (_fields: object, message: string): void => {
      lines.push(message);
      screen.write(`${message}\n`);
    };
    const log: Log = progress.log({ debug: sink, info: sink, warn: sink, error: sink });
    progress.show(waiting);
    clock.advance(1_000);
    log.warn({}, 'the source is lost');
    expect([screen.lines, screen.current]).toEqual([['the source is lost'], '']);
    clock.advance(50);
    expect(screen.current).toBe('');
    clock.advance(150);
    expect(screen.current).toBe('waiting for 1 s');
    progress.around(() => screen.write('out/a  written\n'));
    expect(screen.lines).toEqual(['the source is lost', 'out/a  written']);
  });

  test('goes away while there is nothing to tell', () => {
    const { screen, clock, progress } = setup();
    let leader = false;
    progress.show(() => (leader ? undefined : 'waiting for a leader'));
    clock.advance(600);
    expect(screen.current).toBe('waiting for a leader');
    leader = true;
    clock.advance(100);
    expect(screen.current).toBe('');
    progress.done();
  });

  test('fits into one line, and keeps control characters of names from the terminal', () => {
    const { screen, clock, progress } = setup({ columns: 20 });
    progress.show(() => 'rendering 1 of 2: /a/very/long/path');
    clock.advance(500);
    expect(screen.current).toBe('rendering 1 of 2...');
    progress.show(() => '\u001b[2J\nx');
    clock.advance(100);
    expect(screen.current).toBe('\u{fffd}[2J\u{fffd}x');
    progress.show(() => '名'.repeat(20));
    clock.advance(100);
    expect(screen.current).toBe(`${'名'.repeat(8)}...`);
  });

  test.each([
    ['on a pipe', { isTTY: false }],
    ['with TERM=dumb', { term: 'dumb' }],
    ['where the output is for a program', { wanted: false }],
  ])('is not there %s: nothing is written, and no timer runs', (_name, options) => {
    const { screen, clock, progress } = setup(options);
    progress.show(waiting);
    clock.advance(5_000);
    progress.around(() => undefined);
    progress.done();
    expect([progress.enabled, screen.writes, clock.timers]).toEqual([false, 0, 0]);
  });
});

test('a few names', () => {
  expect(few(['a', 'b', 'c'])).toBe('a, b, c');
  expect(few(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  expect(waited(125_900)).toBe('2 min 5 s');
});
