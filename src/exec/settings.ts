import { constants } from 'node:os';
import type { Fields } from '../confdir/fields.js';
import { EXEC_DEFAULTS, type ExecSettings } from './types.js';

/** The keys of `[exec]`. `command`: the words after `--` on the command line, which win. Undefined: there is no command. */
export function readExec(fields: Fields, command?: readonly string[]): ExecSettings | undefined {
  const own = fields.command('command');
  const settings = {
    reloadSignal: signalOf(fields, 'reload_signal') ?? EXEC_DEFAULTS.reloadSignal,
    killSignal: signalOf(fields, 'kill_signal') ?? EXEC_DEFAULTS.killSignal,
    killTimeoutMs: fields.duration('kill_timeout') ?? EXEC_DEFAULTS.killTimeoutMs,
    splayMs: fields.duration('splay', 'zero') ?? EXEC_DEFAULTS.splayMs,
  };
  fields.refuseUnknown();
  const wanted = command ?? own;
  if (wanted !== undefined) return { command: wanted, ...settings };
  if (!fields.has('command'))
    fields.error('command', 'command is missing: write command = "…" under [exec], or give it after --');
  return undefined;
}

/** A signal by its name, with or without SIG in front; undefined: it is none. */
export function signalNamed(text: string): NodeJS.Signals | undefined {
  const name = text.toUpperCase().startsWith('SIG') ? text.toUpperCase() : `SIG${text.toUpperCase()}`;
  return Object.keys(constants.signals).find((known): known is NodeJS.Signals => known === name);
}

function signalOf(fields: Fields, key: string): NodeJS.Signals | undefined {
  const text = fields.name(key);
  if (text === undefined) return undefined;
  const signal = signalNamed(text);
  if (signal === 'SIGKILL' || signal === 'SIGSTOP')
    return fields.error(
      key,
      `${key} = ${JSON.stringify(text)} can't be handled by any command: name another signal`,
    );
  return (
    signal ??
    fields.error(key, `${key} = ${JSON.stringify(text)} is no signal: expected a name such as "SIGHUP"`)
  );
}
