import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byteText } from '../../../src/base/byte-text.js';
import type { OutputFormat } from '../../../src/confdir/types.js';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { GoTemplateEngine } from '../../../src/render/engines/gotemplate/engine.js';
import { HandlebarsEngine } from '../../../src/render/engines/handlebars/engine.js';
import { NodeResolver } from '../../../src/render/resolver.js';
import { MemoryFiles } from './memory-files.js';
import { ManualSource, Rig, resource } from './rig.js';

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
const VALUES: Readonly<Record<string, Buffer>> = {
  '/bin': BYTES,
  '/cut/1': Buffer.from([0x68, 0xc3]),
  '/cut/2': Buffer.from([0xa9, 0x21]),
  '/latin1': Buffer.from('caf\xe9', 'latin1'),
  '/fffd': Buffer.from('\ufffd'),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bytes-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a template's file holds, by way of the real engines and the whole pipeline. */
async function fileOf(extension: 'tmpl' | 'hbs', text: string, more: { outputFormat?: OutputFormat } = {}) {
  const source = new ManualSource();
  source.revision = 1;
  for (const [key, value] of Object.entries(VALUES)) source.keys.set(key, byteText(value));
  source.keys.set(byteText(Buffer.from('/odd/\xff\xfe', 'latin1')), 'odd');
  const path = join(folder, `t.${extension}`);
  writeFileSync(path, text);
  const files = new MemoryFiles([folder, '/out', '/state']);
  const rig = new Rig({ source, files, templates: folder });
  const engine =
    extension === 'tmpl' ? new GoTemplateEngine(new NodeDisk()) : new HandlebarsEngine(new NodeDisk());
  Object.assign(rig.ports, { engine: async () => engine, resolver: new NodeResolver() });
  rig.files.put(path, text);
  await rig.start(resource('t', { srcPath: path, src: `t.${extension}`, ...more }));
  const file = await rig.files.read('/out/t');
  return file?.content ?? rig.status('t').lastError;
}

describe('a value that isn’t UTF-8', () => {
  it.each([
    ['tmpl', '{{getv "/bin"}}'],
    ['hbs', '{{{getv "/bin"}}}'],
    ['tmpl', '{{base64Decode (base64Encode (getv "/bin"))}}'],
    ['hbs', '{{{base64Decode (base64Encode (getv "/bin"))}}}'],
    ['tmpl', '{{range getvs "/bin"}}{{.}}{{end}}'],
    ['hbs', '{{#gets "/bin"}}{{{value}}}{{/gets}}'],
    ['tmpl', '{{define "t"}}{{.}}{{end}}{{template "t" (getv "/bin")}}'],
    ['tmpl', '{{printf "%s" (getv "/bin")}}'],
    ['tmpl', '{{slice (getv "/bin") 0 100}}{{slice (getv "/bin") 100}}'],
  ] as const)('goes to the file byte for byte (.%s: %s)', async (extension, text) => {
    expect(await fileOf(extension, text)).toEqual(BYTES);
  });

  it('counts, cuts and hashes as bytes', async () => {
    const sum = createHash('sha256').update(BYTES).digest('hex');
    expect(String(await fileOf('tmpl', '{{len (getv "/bin")}} {{sha256sum (getv "/bin")}}'))).toBe(
      `256 ${sum}`,
    );
    expect(String(await fileOf('tmpl', '{{printf "%q %x" (getv "/latin1") (getv "/latin1")}}'))).toBe(
      '"caf\\xe9" 636166e9',
    );
    expect(String(await fileOf('tmpl', '{{eq (getv "/fffd") (getv "/latin1")}}'))).toBe('false');
  });

  it.each(['tmpl', 'hbs'] as const)(
    'a character whose parts meet in the text is whole (.%s)',
    async (extension) => {
      expect(String(await fileOf(extension, '{{getv "/cut/1"}}{{getv "/cut/2"}}'))).toBe('hé!');
      expect(await fileOf(extension, '{{getv "/latin1"}} {{getv "/fffd"}}')).toEqual(
        Buffer.from('636166e920efbfbd', 'hex'),
      );
    },
  );

  it('is JSON as Go has it: U+FFFD in a string', async () => {
    expect(String(await fileOf('tmpl', '{{toJson (getv "/latin1")}}'))).toBe('"caf\\ufffd"');
    expect(String(await fileOf('tmpl', '{{index (jsonArray (printf "[%q]" "x")) 0}}'))).toBe('x');
    expect(String(await fileOf('tmpl', '{{(json (printf "{\\"a\\":\\"%s\\"}" (getv "/latin1"))).a}}'))).toBe(
      'caf\ufffd',
    );
  });

  it('has no place in a file that is to be JSON: the place is told, and the file stays', async () => {
    expect(await fileOf('tmpl', '{"a":\n "{{getv "/latin1"}}"}', { outputFormat: 'json' })).toBe(
      't.tmpl: line 2, column 6 of the text for /out/t is not json (output_format): not UTF-8',
    );
  });
});

describe('a key that isn’t UTF-8', () => {
  it.each([
    ['tmpl', '{{range gets "/odd/*"}}{{base .Key}}={{.Value}}{{end}}'],
    ['hbs', '{{#gets "/odd/*"}}{{base key}}={{value}}{{/gets}}'],
    ['tmpl', '{{range ls "/odd"}}{{.}}={{getv (printf "/odd/%s" .)}}{{end}}'],
  ] as const)('is found, and printed byte for byte (.%s: %s)', async (extension, text) => {
    expect(await fileOf(extension, text)).toEqual(Buffer.from('\xff\xfe=odd', 'latin1'));
  });
});

describe('a file that a template reads', () => {
  it('comes as bytes', async () => {
    writeFileSync(join(folder, 'data'), BYTES);
    expect(await fileOf('tmpl', `{{file "${folder}/data"}}`)).toEqual(BYTES);
  });
});
