import { ConfetdError } from '../base/errors.js';
import { type GivenFlags, parseFlags } from '../cli/flags.js';
import { type Origin, settle } from '../cli/settings.js';
import { defaultWait } from '../confdir/reloading.js';
import { PREFIX_MODES, type PrefixMode } from '../confdir/resource.js';
import type { ResourceDefaults } from '../confdir/types.js';
import type { ExecSettings } from '../exec/types.js';
import { type LogLevel, parseLogLevel } from '../io/node/log-level.js';
import { backendOf, withBackendAsFlag } from './backend.js';
import { WITHOUT_EFFECT } from './confd-fork-flags.js';
import { readConfigFile } from './config-file.js';
import { execSettings } from './exec-settings.js';
import { DAEMON_FLAGS, type DaemonFlags } from './flags.js';

/** What a command line and an environment ask for. Relative paths are of the working directory. */
export interface Config {
  readonly flags: DaemonFlags;
  readonly logLevel: LogLevel;
  /** --listen-client-urls was given: a daemon without a member serves its renderer's state only where it is told to. */
  readonly listens: boolean;
  readonly clusterGiven: boolean;
  /** The command that lives on the files; undefined: there is none. */
  readonly exec: ExecSettings | undefined;
  /** Sentences to log once there is a log. */
  readonly warnings: readonly string[];
}

/** Flags that a member's ID and its cluster's come from. */
const IDENTITY_FLAGS = ['initial-cluster', 'initial-cluster-token', 'initial-advertise-peer-urls'] as const;

const CONFIG_FILE = DAEMON_FLAGS['config-file'];

const ENV_PREFIXES = ['CONFETD_', 'ETCD_', 'CONFD_'];

/** Undefined: help was asked for. Fails with `usage` or `config`, naming the flag, the variable or the file. */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config | undefined {
  const given = parseFlags(DAEMON_FLAGS, withBackendAsFlag(DAEMON_FLAGS, argv));
  if (given.help) return undefined;
  const command = commandOf(given);
  const sources = { env, envPrefixes: ENV_PREFIXES };
  // First without the file: it is one of the settings itself. Nothing else is read of this.
  const { values: first, origins: firstOrigins } = settle({ 'config-file': CONFIG_FILE }, given, sources);
  const path = first['config-file'];
  const file = readConfigFile(path, DAEMON_FLAGS);
  const settings = settle(DAEMON_FLAGS, given, file === undefined ? sources : { ...sources, file });
  const { origins } = settings;
  const warnings = [...settings.warnings, ...(file?.warnings ?? [])];
  if (file === undefined && firstOrigins['config-file'] !== 'default') {
    warnings.push(`--config-file ${path}: no such file; defaults count`);
  }
  const asked = settings.values;
  // confd's own default is etcd: who names nodes means them, and no member.
  const elsewhere = asked.node.length > 0 || asked['srv-domain'] !== '' || asked['srv-record'] !== '';
  const backend = origins.backend === 'default' && elsewhere ? 'etcd' : backendOf(asked.backend);
  const ownTimeout = asked.preflight && origins['preflight-timeout'] !== 'default';
  const timeout = ownTimeout ? asked['preflight-timeout'] : asked.timeout;
  const flags = { ...asked, backend, timeout };
  const logLevel = flags.debug ? 'debug' : parseLogLevel(flags['log-level']);
  if (logLevel === undefined) {
    throw new ConfetdError(
      'config',
      `not a valid level: ${JSON.stringify(flags['log-level'])} (--log-level): expected debug, info, warn or error`,
    );
  }
  if (flags['no-render'] && flags.backend !== 'embedded') {
    throw new ConfetdError(
      'usage',
      `--no-render and --backend ${flags.backend} leave nothing to do: drop one of them`,
    );
  }
  if (flags['election-timeout'] < 5 * flags['heartbeat-interval']) {
    throw new ConfetdError(
      'usage',
      `--election-timeout (${flags['election-timeout']} ms) must be at least 5 times --heartbeat-interval (${flags['heartbeat-interval']} ms)`,
    );
  }
  refuseNegative(flags);
  refuseStray(flags);
  warnings.push(...withoutEffect(origins, flags));
  if (command !== undefined) refuseCommand(flags);
  const exec = execSettings(file, command);
  if (exec !== undefined && flags['no-render'])
    warnings.push(`[exec] in ${path} has no effect with --no-render: no files are rendered`);
  const listens = origins['listen-client-urls'] !== 'default';
  // As etcd: a member that listens elsewhere must say where clients find it.
  if (listens && flags.backend === 'embedded' && origins['advertise-client-urls'] === 'default') {
    throw new ConfetdError(
      'usage',
      '--advertise-client-urls is required when --listen-client-urls is set explicitly',
    );
  }
  const clusterGiven = IDENTITY_FLAGS.some((flag) => origins[flag] !== 'default');
  return { flags, logLevel, listens, clusterGiven, exec, warnings };
}

/** What the flags say to the reader of conf.d. */
export function confdirOptions(flags: DaemonFlags): {
  readonly prefix: string | undefined;
  readonly prefixMode: PrefixMode;
  readonly defaults: ResourceDefaults;
} {
  return {
    prefix: flags.prefix || undefined,
    prefixMode: PREFIX_MODES.find((mode) => mode === flags['prefix-mode']) ?? 'replace',
    defaults: {
      renderTimeoutMs: flags['render-timeout'],
      maxOutputBytes: flags['max-output-bytes'],
      checkTimeoutMs: flags['check-cmd-timeout'],
      reloadTimeoutMs: flags['reload-cmd-timeout'],
      wait: defaultWait(flags.debounce, flags['batch-interval']),
    },
  };
}

/** Sentences about settings that were given and do nothing here. Under --strict they fail with `config`. */
function withoutEffect(
  origins: Readonly<Record<keyof DaemonFlags, Origin>>,
  { strict, 'template-cache': cached }: DaemonFlags,
): readonly string[] {
  const given = (Object.keys(origins) as (keyof DaemonFlags)[]).filter((flag) => origins[flag] !== 'default');
  const idle = given.filter((flag) => flag in WITHOUT_EFFECT);
  const sentences = idle.map((flag) => `--${flag} has no effect: ${WITHOUT_EFFECT[flag]}`);
  if (!cached) sentences.push(`--template-cache=false has no effect: ${WITHOUT_EFFECT['no-template-cache']}`);
  if (strict && sentences.length > 0) throw new ConfetdError('config', `--strict: ${sentences.join('\n')}`);
  return sentences;
}

function refuseNegative(flags: DaemonFlags): void {
  for (const [name, { kind }] of Object.entries(DAEMON_FLAGS)) {
    const value = flags[name as keyof DaemonFlags];
    if (kind === 'duration' && typeof value === 'number' && value < 0)
      throw new ConfetdError('usage', `--${name} is negative: expected a duration such as 10s`);
  }
}

/** Flags that would have no effect without another one: whoever gave them expects one. */
function refuseStray(flags: DaemonFlags): void {
  const checks = flags['check-config'] || flags.validate;
  if (flags['mock-data'] !== '' && !flags.validate)
    throw new ConfetdError('usage', '--mock-data needs --validate');
  if (flags.resource !== '' && !checks)
    throw new ConfetdError('usage', '--resource needs --check-config or --validate');
}

/** The words after `--`. Fails with `usage` where there are others. */
function commandOf({ rest, restBeforeDashes }: GivenFlags): readonly string[] | undefined {
  const [extra] = rest.slice(0, restBeforeDashes);
  if (extra !== undefined) {
    throw new ConfetdError(
      'usage',
      `unexpected argument ${JSON.stringify(extra)}: confetd takes flags, and a command after --`,
    );
  }
  if (restBeforeDashes === undefined) return undefined;
  if (rest.length === 0 || rest[0] === '') {
    throw new ConfetdError('usage', '-- is followed by no command: write one, or leave -- out');
  }
  return rest;
}

/** Only a daemon that renders can start a command when its files are complete. */
function refuseCommand(flags: DaemonFlags): void {
  const flag = (
    ['onetime', 'noop', 'diff', 'check-config', 'validate', 'preflight', 'no-render'] as const
  ).find((name) => flags[name]);
  if (flag !== undefined) {
    throw new ConfetdError(
      'usage',
      `--${flag} runs no command: leave out -- and what follows, or drop --${flag}`,
    );
  }
}
