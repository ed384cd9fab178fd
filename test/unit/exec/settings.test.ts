import { expect, it } from 'vitest';
import { Fields } from '../../../src/confdir/fields.js';
import { Positions } from '../../../src/confdir/positions.js';
import { parseToml } from '../../../src/confdir/toml.js';
import type { Problem } from '../../../src/confdir/types.js';
import { readExec } from '../../../src/exec/settings.js';

function read(text: string, command?: readonly string[]) {
  const problems: Problem[] = [];
  const table = parseToml(text).table ?? {};
  const fields = new Fields(table, [], 'c.toml', new Positions(text), problems);
  const settings = readExec(fields, command);
  return { settings, problems: problems.map(({ line, column, message }) => `${line}:${column} ${message}`) };
}

it('reads every key, and the command line goes first', () => {
  const text =
    'command = "nginx"\nreload_signal = "hup"\nkill_signal = "SIGQUIT"\nkill_timeout = "5s"\nsplay = 2\n';
  const rest = { reloadSignal: 'SIGHUP', killSignal: 'SIGQUIT', killTimeoutMs: 5000, splayMs: 2000 };
  expect(read(text)).toEqual({ settings: { command: 'nginx', ...rest }, problems: [] });
  expect(read(text, ['nginx', '-g']).settings).toEqual({ command: ['nginx', '-g'], ...rest });
  expect(read('', ['x']).settings).toEqual({
    command: ['x'],
    reloadSignal: undefined,
    killSignal: 'SIGTERM',
    killTimeoutMs: 30_000,
    splayMs: 0,
  });
});

it.each([
  [
    'reload_signal = "SIGFOO"',
    '1:17 reload_signal = "SIGFOO" is no signal: expected a name such as "SIGHUP"',
  ],
  ['kill_signal = "KILL"', `1:15 kill_signal = "KILL" can't be handled by any command: name another signal`],
  ['kil_timeout = "1s"', '1:1 unknown key kil_timeout: did you mean kill_timeout?'],
])('names line, column and key: %s', (line, expected) => {
  expect(read(`${line}\ncommand = "x"`).problems).toEqual([expected]);
});

it('misses a command', () => {
  expect(read('splay = 1').problems[0]).toContain('command is missing: write command = "…" under [exec]');
});
