import { readFileSync, statSync } from 'node:fs';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { FlagSet } from '../cli/flags.js';
import { Positions } from '../confdir/positions.js';
import { parseToml } from '../confdir/toml.js';
import type { ConfigText } from './exec-settings.js';

export interface ConfigFile extends ConfigText {
  /** By flag. */
  readonly entries: Readonly<Record<string, unknown>>;
  /** Sentences: keys that no flag has. */
  readonly warnings: readonly string[];
}

const MAX_BYTES = 1 << 20;

/**
 * Reads confd's TOML: each flag under its own name, with `_` or `-`, and confd's own spellings (`nodes`,
 * `client_cakeys`). Undefined: there is no such file. Fails with `config`, naming file, line and what was expected.
 */
export function readConfigFile(path: string, flags: FlagSet): ConfigFile | undefined {
  const text = contents(path);
  if (text === undefined) return undefined;
  if (/\.(?:ya?ml|json)$/.test(path)) {
    throw new ConfetdError(
      'config',
      `--config-file ${path}: only TOML is read: write the entries of etcd's YAML as flags or ETCD_ variables`,
    );
  }
  const { table, fault } = parseToml(text);
  if (fault !== undefined) {
    throw new ConfetdError('config', `${path}:${fault.line}:${fault.column}: ${fault.message}`);
  }
  const entries: Record<string, unknown> = {};
  const warnings: string[] = [];
  const positions = new Positions(text);
  const names = namesOf(flags);
  for (const [key, value] of Object.entries(table)) {
    // A table of its own, not a flag.
    if (key === 'exec') continue;
    const flag = names.get(key.replaceAll('_', '-'));
    const place = positions.key([key]);
    const where = place === undefined ? path : `${path}:${place.line}:${place.column}`;
    if (flag === undefined) warnings.push(`${where}: unknown key ${JSON.stringify(key)}; it is ignored`);
    else if (Object.hasOwn(entries, flag)) {
      warnings.push(`${where}: ${key} names --${flag} a second time; the first one counts`);
    } else entries[flag] = value;
  }
  return { path, text, table, entries, warnings };
}

function namesOf(flags: FlagSet): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(flags)) {
    for (const known of [name, ...(spec.aliases ?? [])]) names.set(known, name);
  }
  // These say where to look, or end the process: a file can't.
  for (const name of ['config-file', 'version']) names.delete(name);
  return names;
}

function contents(path: string): string | undefined {
  try {
    // Before it is opened: opening a pipe would wait for its writer.
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error('not a regular file');
    if (stats.size > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw new ConfetdError('config', `--config-file ${path} can't be read: ${messageOf(error)}`);
  }
}
