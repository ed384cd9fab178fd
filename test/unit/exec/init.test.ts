import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const INIT = resolve(import.meta.dirname, '../../../packaging/confetd-init');

function namespaces(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'confetd-init-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Stands in for confetd: leaves orphans behind, says who it is, and what signals it gets. */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
const say = (text) => appendFileSync(process.env.SAID, text + '\\n');
if (process.argv[2] === 'code') process.exit(7);
process.on('SIGUSR2', () => say('usr2'));
process.on('SIGTERM', () => { say('term'); process.exit(3); });
const zombies = () => readdirSync('/proc').filter((name) => /^\\d+$/.test(name))
  .filter((id) => { try { return / Z /.test(readFileSync('/proc/' + id + '/stat', 'latin1')); } catch { return false; } }).length;
for (let at = 0; at < 5; at++) spawn('sh', ['-c', '(sleep 0.05) & exit 0'], { stdio: 'ignore' });
setTimeout(() => say('pid ' + (process.pid !== 1) + ' zombies ' + zombies()), 600);
setInterval(() => {}, 1000);
`;

describe.skipIf(!namespaces())('confetd-init as a container’s first process', () => {
  async function started(...args: readonly string[]) {
    const program = join(folder, 'program.mjs');
    const said = join(folder, `said-${args.join('')}`);
    writeFileSync(program, PROGRAM);
    writeFileSync(said, '');
    const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', INIT, ...args];
    const child = spawn('unshare', unshare, {
      env: { ...process.env, CONFETD_PROGRAM: program, SAID: said },
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((done) => {
      child.once('exit', (code) => done(code));
    });
    return { child, ended, said: () => readFileSync(said, 'utf8') };
  }

  async function until(holds: () => boolean): Promise<void> {
    const end = Date.now() + 10_000;
    while (!holds() && Date.now() < end) await new Promise((wake) => setTimeout(wake, 10));
    expect(holds()).toBe(true);
  }

  it('waits for what others leave behind, sends signals on, and ends with the daemon’s code', async () => {
    const { child, ended, said } = await started();
    await until(() => said().includes('zombies'));
    expect(said()).toBe('pid true zombies 0\n');
    // The first process of the namespace is the shell: unshare's only child.
    const init = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    process.kill(Number(init), 'SIGUSR2');
    await until(() => said().includes('usr2'));
    process.kill(Number(init), 'SIGTERM');
    expect(await ended).toBe(3);
    expect(said()).toContain('term\n');
  });

  it('passes the daemon’s arguments and code on', async () => {
    expect(await (await started('code')).ended).toBe(7);
  });
});
