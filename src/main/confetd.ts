import { ConfetdError, messageOf } from '../base/errors.js';
import { flagLines } from '../cli/usage.js';
import { type Config, readConfig } from './config.js';
import { DAEMON_FLAGS } from './flags.js';
import { packageVersion } from './version.js';

const USAGE = `confetd keeps keys, as etcd does, and renders configuration files from them, as confd does.

Usage:
  confetd [flags]                                run a member and render conf.d as keys change
  confetd [flags] -- COMMAND ARGS                the same, with a command that runs once all files are there
  confetd --onetime --backend etcdv3 --node URL  render once from an existing cluster, and exit
  confetd env --onetime                          the same from the environment: a backend as a word, then flags
  confetd --noop …                               show what would change, and change nothing
  confetd render [--diff] [DEST…]                show files as they would be, of any revision, or of mock data
  confetd validate                               check conf.d, the templates, and what mock data makes of them
  confetd --check-config | --validate | --preflight …   look at conf.d, at the templates, at the backend; and exit

Flags may be written -x or --x, and set as CONFETD_X, ETCD_X or CONFD_X in the environment.
`;

/** Sets the exit code: 0 done, 1 failed, 2 the command line can't be understood. `helpers`: V8's own threads. */
export async function main(helpers: readonly number[]): Promise<void> {
  process.exitCode = await run(helpers);
}

async function run(helpers: readonly number[]): Promise<number> {
  const argv = process.argv.slice(2);
  // Loaded only for them.
  if (argv[0] === 'render')
    return await (await import('./render-command.js')).renderCommand(argv.slice(1), process.env);
  if (argv[0] === 'validate')
    return await (await import('./validate-command.js')).validateCommand(argv.slice(1), process.env);
  let config: Config | undefined;
  try {
    config = readConfig(argv, process.env);
  } catch (error) {
    // A setting that is understood and refused isn't a matter of usage: 1, as confd has it.
    const refused = error instanceof ConfetdError && error.code === 'config';
    process.stderr.write(`confetd: ${messageOf(error)}\n${refused ? '' : `\n${USAGE}`}Try confetd --help.\n`);
    return refused ? 1 : 2;
  }
  if (config === undefined) {
    process.stdout.write(`${USAGE}\nFlags:\n${flagLines(DAEMON_FLAGS)}`);
    return 0;
  }
  if (config.flags.version) {
    process.stdout.write(`confetd ${packageVersion()} (node ${process.version})\n`);
    return 0;
  }
  try {
    // Loaded only now: --help and --version shouldn't wait for them.
    const { flags } = config;
    if (flags['check-config'] || flags.validate || flags.preflight) {
      return await (await import('./checks.js')).checks(config);
    }
    if (flags.onetime || flags.noop || flags.diff) {
      const { onetime } = await import('./onetime.js');
      return await onetime({ ...config, flags: { ...flags, noop: flags.noop || flags.diff } });
    }
    return await (await import('./daemon.js')).daemon(config, helpers);
  } catch (error) {
    process.stderr.write(`confetd: ${messageOf(error)}\n`);
    return error instanceof ConfetdError && error.code === 'usage' ? 2 : 1;
  }
}
