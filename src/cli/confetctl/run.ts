import { ConfetdError, messageOf } from '../../base/errors.js';
import { EXIT, ExitError } from '../exit-error.js';
import { type FlagSet, type GivenFlags, parseFlags } from '../flags.js';
import { settle } from '../settings.js';
import { flagLines } from '../usage.js';
import { type Command, Invocation } from './command.js';
import { checkGlobals, GLOBAL_FLAGS } from './globals.js';
import type { Ports } from './ports.js';
import { COMMANDS } from './registry.js';

/** Variables that etcdctl or a command reads which are no global flags. */
const KNOWN_VARIABLES = [
  'ETCDCTL_API',
  'ETCDCTL_WATCH_KEY',
  'ETCDCTL_WATCH_RANGE_END',
  'CONFETCTL_WATCH_KEY',
  'CONFETCTL_WATCH_RANGE_END',
];

/** Runs one command line to its end; resolves with the exit code, which is etcdctl's. Never rejects. */
export async function runConfetctl(argv: readonly string[], ports: Ports): Promise<number> {
  try {
    return await run(argv, ports);
  } catch (error) {
    const message = messageOf(error);
    if (message !== '') await ports.stderr(`Error: ${message}\n`);
    return error instanceof ExitError ? error.exitCode : EXIT.error;
  }
}

async function run(argv: readonly string[], ports: Ports): Promise<number> {
  const { name, words, rest } = findCommand(argv);
  const entry = name === undefined ? undefined : COMMANDS[name];
  if (entry === undefined) return general(words, rest, ports);
  const command = await entry.load();
  let given: GivenFlags;
  try {
    given = parseFlags({ ...GLOBAL_FLAGS, ...command.flags }, rest, { interspersed: true });
  } catch (error) {
    await ports.stderr(commandUsage(command));
    throw error;
  }
  if (given.help) {
    await ports.stdout(commandUsage(command));
    return EXIT.ok;
  }
  const { values: globals, warnings } = settle(GLOBAL_FLAGS, given, {
    env: ports.env,
    envPrefixes: ['CONFETCTL_', 'ETCDCTL_'],
    knownVariables: KNOWN_VARIABLES,
  });
  for (const warning of warnings) await ports.stderr(`warning: ${warning}\n`);
  checkGlobals(globals);
  const invocation = new Invocation(given.rest, given.restBeforeDashes, globals, ports);
  try {
    await command.start(invocation, given);
  } finally {
    invocation.close();
  }
  return EXIT.ok;
}

/** The command's name, one word or two, wherever it stands among the global flags, and what is left without it. */
function findCommand(argv: readonly string[]) {
  const words: { readonly text: string; readonly at: number }[] = [];
  for (let at = 0; at < argv.length && words.length < 2; at++) {
    const word = argv[at] ?? '';
    if (word === '--') break;
    if (!word.startsWith('-') || word === '-') words.push({ text: word, at });
    else if (takesNextWord(word)) at++;
  }
  for (const count of [2, 1]) {
    const some = words.slice(0, count);
    const name = some.map(({ text }) => text).join(' ');
    if (some.length === count && Object.hasOwn(COMMANDS, name)) {
      return { name, words: [], rest: argv.filter((_, at) => some.every((word) => word.at !== at)) };
    }
  }
  return { name: undefined, words: words.map(({ text }) => text), rest: argv };
}

function takesNextWord(word: string): boolean {
  const name = word.replace(/^--?/, '');
  const flags: FlagSet = GLOBAL_FLAGS;
  const spec = flags[name] ?? Object.values(flags).find(({ short }) => short === name);
  return spec !== undefined && spec.kind !== 'boolean';
}

/** `confetctl`, `confetctl help`, `confetctl lease`, and what isn't a command at all. */
async function general(words: readonly string[], argv: readonly string[], ports: Ports): Promise<number> {
  const [first, second] = words;
  if (first === 'help' && second !== undefined) {
    const topic = argv.filter((word) => !word.startsWith('-')).slice(1);
    const entry = COMMANDS[topic.slice(0, 2).join(' ')] ?? COMMANDS[second];
    if (entry !== undefined) {
      await ports.stdout(commandUsage(await entry.load()));
      return EXIT.ok;
    }
  }
  const group = first === 'help' ? second : first;
  const isGroup = group !== undefined && Object.keys(COMMANDS).some((name) => name.startsWith(`${group} `));
  if (group === undefined || isGroup) {
    if (first === undefined) {
      try {
        parseFlags(GLOBAL_FLAGS, argv, { interspersed: true });
      } catch (error) {
        await ports.stderr(usage(undefined));
        throw error;
      }
    }
    await ports.stdout(usage(group));
    return EXIT.ok;
  }
  throw new ConfetdError(
    'usage',
    `unknown command ${JSON.stringify(group)} for "confetctl": see confetctl --help`,
  );
}

function usage(group: string | undefined): string {
  const names = Object.entries(COMMANDS).filter(
    ([name]) => group === undefined || name.startsWith(`${group} `),
  );
  const width = Math.max(...names.map(([name]) => name.length));
  return [
    `Usage: confetctl [flags] ${group === undefined ? '' : `${group} `}<command> [args…]\n\nCommands:\n`,
    ...names.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`),
    `\nGlobal flags:\n${flagLines(GLOBAL_FLAGS)}`,
  ].join('');
}

function commandUsage(command: Command): string {
  const { name, synopsis, description, flags } = command;
  const summary = COMMANDS[name]?.summary ?? '';
  return [
    `confetctl ${name}: ${summary}\n\nUsage: confetctl ${name} ${synopsis}\n`,
    description === undefined ? '' : `\n${description}\n`,
    Object.keys(flags).length === 0 ? '' : `\nFlags:\n${flagLines(flags)}`,
    `\nGlobal flags:\n${flagLines(GLOBAL_FLAGS)}`,
  ].join('');
}
