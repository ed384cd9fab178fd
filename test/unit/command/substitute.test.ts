import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substitute } from '../../../src/command/substitute.js';

const plain = { src: '/t/.a.conf123', dest: '/etc/a.conf' };

describe('substitute', () => {
  it('replaces the two names in all their spellings, and nothing else', () => {
    expect(substitute('nginx -c {{.src}} {{ .dest }} {{src}} {{dest}}', plain)).toBe(
      'nginx -c /t/.a.conf123 /etc/a.conf /t/.a.conf123 /etc/a.conf',
    );
    const other = 'echo {{.key}} {{srcs}} {{..src}} $src {src} {{"src"}}';
    expect(substitute(other, plain)).toBe(other);
  });

  it('puts values into words as they are', () => {
    expect(substitute(['cp', '{{src}}', 'x={{.dest}}'], { src: "a 'b", dest: '$c' })).toEqual([
      'cp',
      "a 'b",
      'x=$c',
    ]);
  });

  it('does not read a placeholder out of a value', () => {
    expect(substitute(['{{src}}'], { src: '{{dest}}', dest: 'x' })).toEqual(['{{dest}}']);
    expect(substitute('{{src}}', { src: '{{dest}}', dest: 'x' })).toBe("'{{dest}}'");
  });

  it('keeps any value one word of a shell, whatever quotes it stands in', () => {
    const value = fc.string({
      unit: fc.constantFrom('a', ' ', "'", '"', '$', '`', '\\', '!', '*', ';', '\n', 'é'),
      maxLength: 8,
    });
    fc.assert(
      fc.property(value, (src) => {
        const script = `printf '%s|' {{src}} "<{{src}}>" '<{{.src}}>' \\''{{src}}' "\\"{{src}}"`;
        const command = substitute(script, { src, dest: '' });
        const printed = execFileSync('/bin/sh', ['-c', String(command)], { encoding: 'utf8' });
        expect(printed).toBe(`${src}|<${src}>|<${src}>|'${src}|"${src}|`);
      }),
      { numRuns: 60 },
    );
  });
});
