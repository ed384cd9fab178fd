import { ConfetdError } from '../base/errors.js';
import {
  convert,
  type FlagSet,
  type FlagSpec,
  type FlagValue,
  type FlagValues,
  type GivenFlags,
} from './flags.js';

/** Where a flag's value came from, for messages and `--help`. */
export type Origin = 'flag' | 'default' | { readonly variable: string } | { readonly file: string };

export interface SettingsOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Such as `CONFETD_`, `ETCD_`, `CONFD_`: the first that has a variable wins. */
  readonly envPrefixes?: readonly string[];
  /** A configuration file's entries by flag name, and its path. */
  readonly file?: { readonly path: string; readonly entries: Readonly<Record<string, unknown>> };
  /** Variables that aren't flags, yet known: no warning. */
  readonly knownVariables?: readonly string[];
}

export interface Settings<Flags extends FlagSet> {
  readonly values: FlagValues<Flags>;
  readonly origins: Readonly<Record<keyof Flags & string, Origin>>;
  /** Sentences about variables that no flag has: Kubernetes injects some, so they are no errors. */
  readonly warnings: readonly string[];
}

/**
 * Settles each flag: the command line, then the environment in the order of the prefixes, then the file, then the default.
 * Throws a `usage` error that names the flag, the variable or the file's key.
 */
export function settle<Flags extends FlagSet>(
  flags: Flags,
  given: GivenFlags,
  options: SettingsOptions = {},
): Settings<Flags> {
  const { env = {}, envPrefixes = [], file } = options;
  const values: Record<string, FlagValue> = {};
  const origins: Record<string, Origin> = {};
  const known = new Set(options.knownVariables ?? []);
  for (const [name, spec] of Object.entries(flags)) {
    const variables = envPrefixes.flatMap((prefix) =>
      [name, ...(spec.aliases ?? [])].map((each) => prefix + upper(each)),
    );
    for (const variable of variables) known.add(variable);
    const [value, origin] = settleOne(name, spec);
    values[name] = value;
    origins[name] = origin;

    function settleOne(flag: string, of: FlagSpec): [FlagValue, Origin] {
      const fromLine = given.given.get(flag);
      if (fromLine !== undefined) return [fromLine, 'flag'];
      for (const variable of variables) {
        const text = env[variable];
        // Empty counts as unset, as in etcd: `ETCD_NAME=` in a unit file takes nothing away.
        if (text !== undefined && text !== '') return [convert(of, text, `in ${variable}`), { variable }];
      }
      const entry = file?.entries[flag];
      if (file !== undefined && entry !== undefined && entry !== null) {
        return [fromFile(of, entry, `for ${flag} in ${file.path}`), { file: file.path }];
      }
      return [of.default, 'default'];
    }
  }
  const warnings = Object.keys(env)
    .filter((variable) => envPrefixes.some((prefix) => variable.startsWith(prefix)) && !known.has(variable))
    .sort()
    .map((variable) => `${variable} in the environment is no setting that is known here; it is ignored`);
  // Each value was converted by its flag's own kind.
  return { values: values as FlagValues<Flags>, origins: origins as Settings<Flags>['origins'], warnings };
}

/** `listen-client-urls` → `LISTEN_CLIENT_URLS`. */
function upper(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}

function fromFile(spec: FlagSpec, entry: unknown, where: string): FlagValue {
  if (Array.isArray(entry)) {
    if (spec.kind !== 'list')
      throw new ConfetdError('usage', `invalid value ${where}: a list, where one value is expected`);
    return entry.map((item) => scalar(item, where));
  }
  return convert(spec, scalar(entry, where), where);
}

function scalar(entry: unknown, where: string): string {
  if (typeof entry === 'string') return entry;
  if (typeof entry === 'number' || typeof entry === 'boolean' || typeof entry === 'bigint')
    return String(entry);
  throw new ConfetdError('usage', `invalid value ${where}: expected text, a number, true or false`);
}
