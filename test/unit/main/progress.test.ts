import { describe, expect, test } from 'vitest';
import { DaemonProgress } from '../../../src/main/daemon-progress.js';
import { OnetimeProgress } from '../../../src/main/onetime-progress.js';
import { ManualClock } from '../render/rig.js';

/** The line as it is last drawn; '' where it was cleared. */
class Line {
  readonly isTTY = true;
  readonly columns = 120;
  text = '';

  write(text: string): void {
    this.text = text.split('\r\u001b[2K').at(-1) ?? '';
  }
}

const env = { TERM: 'xterm' };

describe('a one-shot', () => {
  function setup(logFormat = '') {
    const clock = new ManualClock();
    const line = new Line();
    return { clock, line, progress: new OnetimeProgress(clock, logFormat, line, env) };
  }

  test('tells the backend that it waits for, then the files, then the commands', () => {
    const { clock, line, progress } = setup();
    progress.loading({ type: 'etcdv3', endpoints: ['http://10.0.0.1:2379'] });
    clock.advance(3_000);
    expect(line.text).toBe('waiting for the backend at http://10.0.0.1:2379 for 3 s');
    progress.take({ type: 'files', count: 20 });
    for (const dest of ['/a', '/b', '/etc/nginx.conf']) progress.take({ type: 'rendering', dest });
    clock.advance(100);
    expect(line.text).toBe('rendering 3 of 20: /etc/nginx.conf');
    progress.take({ type: 'command', kind: 'reload', dests: ['/a', '/b'] });
    clock.advance(2_000);
    expect(line.text).toBe('running reload of /a, /b for 2 s');
    progress.end();
    expect([line.text, clock.timers]).toEqual(['', 0]);
  });

  test('counts a file once, and all files where they are rendered one after another', () => {
    const { clock, line, progress } = setup();
    progress.loading({ type: 'env' });
    clock.advance(600);
    for (const dest of ['/a', '/b', '/b']) {
      if (dest === '/a') progress.take({ type: 'files', count: 2 });
      progress.take({ type: 'rendering', dest });
    }
    clock.advance(100);
    expect(line.text).toBe('rendering 2 of 2: /b');
    progress.end();
  });

  test('counts a file once for each revision that it is rendered from', () => {
    const { clock, line, progress } = setup();
    progress.loading({ type: 'env' });
    clock.advance(600);
    for (const revision of [5, 9]) {
      progress.take({ type: 'files', count: 2 });
      for (const dest of ['/a', '/b', '/b']) progress.take({ type: 'rendering', dest, revision });
      clock.advance(100);
    }
    expect(line.text).toBe('rendering 4 of 4: /b');
    progress.end();
  });

  test('names no password of a backend', () => {
    const { clock, line, progress } = setup();
    progress.loading({ type: 'zookeeper', nodes: ['zk://user:secret@h:2181'], intervalMs: 1, watch: true });
    clock.advance(500);
    expect(line.text).toBe('waiting for the backend at zk://h:2181 for 0 s');
    progress.end();
  });

  test('tells nothing where its log is JSON', () => {
    const { clock, line, progress } = setup('json');
    progress.loading({ type: 'env' });
    clock.advance(5_000);
    expect([line.text, clock.timers]).toEqual(['', 0]);
  });
});

describe('a daemon', () => {
  function setup() {
    const clock = new ManualClock();
    const line = new Line();
    return { clock, line, progress: new DaemonProgress(clock, true, line, env) };
  }

  test('waits for a leader, and ends with it where nothing is rendered', () => {
    const { clock, line, progress } = setup();
    const member = { leader: 0n };
    progress.starting();
    clock.advance(1_000);
    expect(line.text).toBe('starting the member for 1 s');
    progress.serving(member, undefined);
    clock.advance(2_000);
    expect(line.text).toBe('waiting for a leader for 2 s');
    member.leader = 7n;
    clock.advance(200);
    expect([line.text, clock.timers]).toEqual(['', 0]);
  });

  test('waits for the first render, of its own keys or of a backend', () => {
    const own = setup();
    own.progress.serving({ leader: 7n }, { type: 'embedded' });
    own.clock.advance(1_000);
    expect(own.line.text).toBe('rendering for the first time for 1 s');
    own.progress.rendered();
    expect([own.line.text, own.clock.timers]).toEqual(['', 0]);

    const remote = setup();
    remote.progress.serving(undefined, { type: 'etcdv3', endpoints: ['http://h:2379'] });
    remote.clock.advance(1_000);
    expect(remote.line.text).toBe('waiting for the keys from http://h:2379 for 1 s');
    remote.progress.end();
    expect(remote.clock.timers).toBe(0);
  });

  test('shows nothing at all where the first render comes at once', () => {
    const { clock, line, progress } = setup();
    progress.starting();
    clock.advance(200);
    progress.serving({ leader: 7n }, { type: 'embedded' });
    progress.rendered();
    clock.advance(5_000);
    expect([line.text, clock.timers]).toEqual(['', 0]);
  });
});
