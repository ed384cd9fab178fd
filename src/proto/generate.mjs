// Makes src/proto/generated from the .proto files: `npm run proto`. The output is committed, so building needs neither tool.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'generated');
rmSync(out, { recursive: true, force: true });
execFileSync('npx', ['-y', '-p', '@bufbuild/buf@1.74.0', '-p', 'ts-proto@2.18.0', 'buf', 'generate'], {
  cwd: here,
  stdio: 'inherit',
});

// A number above 2^53 - 1 from a client is read as 2^53 - 1 instead of failing the whole call with an
// internal error: the range checks behind it then answer "in the future" or "too large".
const saturating = `function longToNumber(int64: bigint | { toString(): string }): number {
  const number = Number(int64);
  return number > Number.MAX_SAFE_INTEGER
    ? Number.MAX_SAFE_INTEGER
    : number < Number.MIN_SAFE_INTEGER
      ? Number.MIN_SAFE_INTEGER
      : number;
}`;
// The generator's range checks build two BigInts for every field of a hot message; what we encode is
// a safe integer or a bigint that came out of a 64-bit field.
const rangeCheck =
  /\n *if \((?:globalThis\.)?BigInt\.as(?:Uint|Int)N\(64, [^\n]+\) \{\s*throw new globalThis\.Error\(\s*[^\n]+?,?\s*\);\s*\}/g;

for (const name of readdirSync(out).filter((file) => file.endsWith('.ts'))) {
  const path = join(out, name);
  const text = readFileSync(path, 'utf8')
    .replace(/function longToNumber\([\s\S]*?\n\}/, saturating)
    .replace(rangeCheck, '');
  writeFileSync(path, text);
}
