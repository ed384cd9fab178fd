import { ConfetdError } from '../base/errors.js';
import { type FlagSet, type FlagValues, type GivenFlags, parseFlags } from '../cli/flags.js';
import { settle } from '../cli/settings.js';
import { backendOf } from './backend.js';
import { BACKENDS, FOREIGN_BACKENDS } from './confd-flags.js';
import { readConfigFile } from './config-file.js';
import { DAEMON_FLAGS, type DaemonFlags } from './flags.js';

const { backend, 'config-file': configFile, 'state-dir': stateDir, timeout } = DAEMON_FLAGS;

const OUTPUT = {
  kind: 'string',
  default: 'text',
  oneOf: ['text', 'json'],
  usage: 'text, or one JSON document',
} as const;
const RESOURCE = { kind: 'string', default: '', usage: 'file of conf.d to look at alone' } as const;
const MOCK_USAGE = 'YAML or JSON keys to render from, as the file backend reads them; no store is asked';
const STRICT = { kind: 'boolean', default: false, usage: 'what would be a warning fails' } as const;

const READING = {
  ...daemonFlags('confdir', 'config-file', 'prefix', 'prefix-mode'),
  strict: STRICT,
  ...daemonFlags('render-timeout', 'max-output-bytes'),
} as const;

export const RENDER_FLAGS = {
  diff: { kind: 'boolean', default: false, usage: 'show how the files on the disk would change' },
  'at-revision': {
    kind: 'integer',
    default: 0,
    min: 1,
    usage: 'render from the keys as they were at a revision; the newest unless given',
  },
  between: {
    kind: 'string',
    default: '',
    usage: 'two revisions, as in --between 5 9: show what the change of keys did to each file',
  },
  mock: { kind: 'string', default: '', usage: MOCK_USAGE },
  'exit-code': { kind: 'boolean', default: false, usage: 'exit 2 if a file would change' },
  output: OUTPUT,
  ...daemonFlags('color', 'diff-context'),
  resource: RESOURCE,
  ...READING,
  'state-dir': {
    ...stateDir,
    usage: 'what earlier passes have remembered (of a daemon: DATA-DIR/render): files that would go, pauses',
  },
  timeout: { ...timeout, usage: 'for the source to answer' },
  ...daemonFlags('dial-timeout', 'read-timeout'),
  backend: {
    ...backend,
    usage: `where the keys are: ${BACKENDS.join(', ')}; also as a word: confetd render env; embedded: the member on this host`,
  },
  ...daemonFlags(
    'node',
    'scheme',
    'srv-domain',
    'srv-record',
    'client-cert',
    'client-key',
    'client-ca-keys',
    'client-insecure',
    'basic-auth',
    'username',
    'password',
    'auth-token',
    'auth-type',
    'app-id',
    'user-id',
    'role-id',
    'secret-id',
    'path',
    'separator',
    'file',
    'filter',
  ),
} as const satisfies FlagSet;

export const VALIDATE_FLAGS = {
  mock: {
    kind: 'string',
    default: '',
    usage:
      'YAML or JSON keys to render from; check commands are run on what comes out, in a temporary folder',
  },
  output: OUTPUT,
  resource: RESOURCE,
  ...daemonFlags('check-cmd-timeout'),
  ...READING,
} as const satisfies FlagSet;

/** Flags that are the daemon's, word for word. */
function daemonFlags<Name extends keyof typeof DAEMON_FLAGS>(
  ...names: readonly Name[]
): Pick<typeof DAEMON_FLAGS, Name> {
  const picked = Object.fromEntries(names.map((name) => [name, DAEMON_FLAGS[name]]));
  return picked as Pick<typeof DAEMON_FLAGS, Name>;
}

/** The command line of one of these commands. */
export interface PreviewLine<Own extends FlagSet> {
  /** As the daemon would have them: from the command line, the environment and the file. */
  readonly flags: DaemonFlags;
  /** The command's own, from the command line alone. */
  readonly own: FlagValues<Own>;
  readonly words: readonly string[];
  /** Sentences. */
  readonly warnings: readonly string[];
}

/** Undefined: help was asked for. Fails with `usage` or `config`, naming the flag, the variable or the file. */
export function readPreviewLine<Own extends FlagSet>(
  known: Own,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): PreviewLine<Own> | undefined {
  const given = parseFlags(known, 'between' in known ? joined(argv) : argv, { interspersed: true });
  if (given.help) return undefined;
  const sources = { env, envPrefixes: ['CONFETD_', 'ETCD_', 'CONFD_'] };
  const { values: first } = settle({ 'config-file': configFile }, given, sources);
  const settings = readConfigFile(first['config-file'], DAEMON_FLAGS);
  const { word, words } = backendWord(given, 'backend' in known);
  const line = word === undefined ? given : { ...given, given: new Map([...given.given, ['backend', word]]) };
  const { values, origins, warnings } = settle(
    DAEMON_FLAGS,
    line,
    settings === undefined ? sources : { ...sources, file: settings },
  );
  // As the daemon has it: who names nodes means them, and no member.
  const elsewhere = values.node.length > 0 || values['srv-domain'] !== '' || values['srv-record'] !== '';
  return {
    flags: {
      ...values,
      backend: origins.backend === 'default' && elsewhere ? 'etcd' : backendOf(values.backend),
    },
    own: settle(known, given).values,
    words,
    warnings: [...warnings, ...(settings?.warnings ?? [])],
  };
}

/** `--between 5 9` as `--between=5..9`: a flag takes one value. */
function joined(argv: readonly string[]): readonly string[] {
  const line: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [word = '', from = '', to = ''] = argv.slice(at, at + 3);
    const isPair = /^--?between$/.test(word) && /^\d+$/.test(from) && /^\d+$/.test(to);
    line.push(isPair ? `--between=${from}..${to}` : word);
    if (isPair) at += 2;
  }
  return line;
}

/** The two revisions, or undefined where the flag wasn't given. Fails with `usage`. */
export function revisionsOf(between: string): { readonly from: number; readonly to: number } | undefined {
  if (between === '') return undefined;
  const [, first, second] = /^(\d+)(?:\.\.|[,:-])(\d+)$/.exec(between) ?? [];
  const [from, to] = [Number(first), Number(second)];
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1)
    throw new ConfetdError('usage', `--between takes two revisions, from 1: --between 5 9`);
  if (from > to)
    throw new ConfetdError('usage', `the earlier revision comes first: write --between ${to} ${from}`);
  return { from, to };
}

/** `confetd render env`: the first word may name the backend. A file of that name is written `./env`. */
function backendWord(
  { rest, given }: GivenFlags,
  takesOne: boolean,
): { readonly word?: string; readonly words: readonly string[] } {
  const [word, ...others] = rest;
  const names: readonly string[] = [...BACKENDS, ...FOREIGN_BACKENDS];
  if (!takesOne || word === undefined || !names.includes(word)) return { words: rest };
  if (given.has('backend'))
    throw new ConfetdError('usage', `--backend and ${word} both name the backend: keep one`);
  return { word, words: others };
}
