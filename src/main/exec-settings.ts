import { ConfetdError } from '../base/errors.js';
import { Fields } from '../confdir/fields.js';
import { Positions } from '../confdir/positions.js';
import type { TomlTable } from '../confdir/toml.js';
import type { Problem } from '../confdir/types.js';
import { readExec } from '../exec/settings.js';
import type { ExecSettings } from '../exec/types.js';

/** A parsed confd.toml. */
export interface ConfigText {
  readonly path: string;
  readonly text: string;
  readonly table: TomlTable;
}

/**
 * The command that lives on the files: `[exec]` of the file, and the words after `--`, which win. Undefined: there is
 * none. Fails with `config`, naming file, line and what was expected.
 */
export function execSettings(
  file: ConfigText | undefined,
  command: readonly string[] | undefined,
): ExecSettings | undefined {
  const { path, text, table } = file ?? { path: '', text: '', table: {} };
  const problems: Problem[] = [];
  const root = new Fields(table, [], path, new Positions(text), problems);
  const section = root.table('exec', '{ command = "…" }');
  const fields = section ?? new Fields({}, ['exec'], path, new Positions(''), problems);
  const settings = section === undefined && command === undefined ? undefined : readExec(fields, command);
  const wrong = problems.filter(({ severity }) => severity === 'error');
  if (wrong.length === 0) return settings;
  throw new ConfetdError(
    'config',
    wrong.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'),
  );
}
