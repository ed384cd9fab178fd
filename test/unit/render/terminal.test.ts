import { describe, expect, it } from 'vitest';
import type { RenderEvent } from '../../../src/render/events.js';
import { terminal } from '../../../src/render/terminal.js';

function shown(event: RenderEvent, color = false): string {
  let text = '';
  const show = terminal({
    write: (part) => {
      text += part;
    },
    color,
    cwd: '/home/me',
  });
  show(event);
  return text;
}

const written: RenderEvent = {
  type: 'written',
  resource: 'nginx',
  dest: '/home/me/out/nginx.conf',
  revision: 2,
  latencyMs: 1.74,
  causes: ['/services/web/a', '/services/web/b', '/services/web/c'],
  causeCount: 5,
  drift: false,
  diff: '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\u001b[2J\n',
};

describe('what the terminal shows', () => {
  it('a line a file, then the keys that caused it and the difference', () => {
    expect(shown(written)).toBe(
      'out/nginx.conf  written  rev 2  1.7 ms\n' +
        '  /services/web/a, /services/web/b, /services/web/c and 2 more\n' +
        '  --- a/x\n  +++ b/x\n  @@ -1 +1 @@\n  -old\n  +new\u{fffd}[2J\n',
    );
  });

  it('colours where asked to, and lets no key steer the terminal', () => {
    const text = shown(written, true);
    expect(text).toContain('\u001b[32m+new');
    expect(text).not.toContain('\u001b[2J');
  });

  it('one line after a restart', () => {
    expect(shown({ type: 'ready', revision: 12, inSync: 2, written: 0, failed: 0, held: 0 })).toBe(
      '2 files in sync at rev 12\n',
    );
    expect(shown({ type: 'ready', revision: 12, inSync: 1, written: 3, failed: 1, held: 0 })).toBe(
      '1 file in sync at rev 12\n1 file failed at rev 12\n',
    );
  });

  it('failures with what comes next', () => {
    const dest = '/etc/x';
    expect(shown({ type: 'failed', resource: 'x', dest, revision: 1, error: 'a\nb', retryInMs: 1500 })).toBe(
      '/etc/x  failed  retry in 1.5 s\n  a\n  b\n',
    );
    expect(
      shown({
        type: 'reload',
        dests: [dest],
        command: 'r',
        ok: false,
        outcome: 'exit 1',
        durationMs: 5,
        retryInMs: 900,
      }),
    ).toBe('reload failed  r  exit 1  retry in 900 ms\n');
  });
});
