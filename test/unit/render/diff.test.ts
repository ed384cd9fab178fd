import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/render/diff.js';

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
});
