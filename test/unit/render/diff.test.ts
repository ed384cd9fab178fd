import { describe, expect, it } from 'vitest';
import { unifiedDiff, WHOLE } from '../../../src/render/diff.js';
import { usesColor } from '../../../src/render/diff-colors.js';

const text = (value: string): Buffer => Buffer.from(value);

describe('unifiedDiff', () => {
  it('is what patch understands, and nothing where nothing differs', async () => {
    expect(await unifiedDiff('/etc/x', text('a\nb\nc\n'), text('a\nB\nc\n'))).toBe(
      '--- a/etc/x\n+++ b/etc/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n',
    );
    expect(await unifiedDiff('/etc/x', text('a\n'), text('a\n'))).toBe('');
    expect(await unifiedDiff('/etc/x', undefined, text('a\n'))).toBe(
      '--- /dev/null\n+++ b/etc/x\n@@ -0,0 +1,1 @@\n+a\n',
    );
  });

  it('gives up on what is binary or huge, and shows the beginning of what is long', async () => {
    expect(await unifiedDiff('/x', text('a'), Buffer.from([0, 1]))).toBeUndefined();
    expect(await unifiedDiff('/x', text('a'), Buffer.alloc(2 * 1024 * 1024, 'x'))).toBeUndefined();
    const long = await unifiedDiff('/x', undefined, text('line\n'.repeat(1000)));
    expect(long?.split('\n').length).toBe(402);
    expect(long).toMatch(/\(604 more lines\)\n$/);
  });

  it('shows as much around a change as it is told to, and all of what is long if that is wanted', async () => {
    const before = text('1\n2\n3\n4\n5\n');
    const after = text('1\n2\nthree\n4\n5\n');
    expect(await unifiedDiff('/x', before, after, { context: 0 })).toBe(
      '--- a/x\n+++ b/x\n@@ -3,1 +3,1 @@\n-3\n+three\n',
    );
    expect(await unifiedDiff('/x', before, after, { context: 1 })).toContain('\n 2\n-3\n+three\n 4\n');
    const whole = await unifiedDiff('/x', undefined, text('line\n'.repeat(1000)), WHOLE);
    expect(whole?.match(/^\+line$/gm)?.length).toBe(1000);
  });

  it('of a file that goes names /dev/null, and gives up on what is no UTF-8', async () => {
    expect(await unifiedDiff('/etc/x', text('a\n'), undefined)).toBe(
      '--- a/etc/x\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n',
    );
    // Both would read as the same replacement characters.
    expect(await unifiedDiff('/x', Buffer.from([0xff]), Buffer.from([0xfe]))).toBeUndefined();
  });
});

describe('usesColor', () => {
  it.each([
    ['auto', true, {}, true],
    ['auto', false, {}, false],
    ['auto', true, { NO_COLOR: '1' }, false],
    ['auto', true, { NO_COLOR: '' }, true],
    ['auto', true, { TERM: 'dumb' }, false],
    ['always', false, { NO_COLOR: '1' }, true],
    ['never', true, {}, false],
  ])('%s, on a terminal: %s, with %j: %s', (choice, isTerminal, env, expected) => {
    expect(usesColor(choice, isTerminal, env)).toBe(expected);
  });
});
