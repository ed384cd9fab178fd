import { ConfetdError } from '../base/errors.js';
import { type FlagSet, parseFlags } from '../cli/flags.js';
import { BACKENDS, FOREIGN_BACKENDS } from './confd-flags.js';

export type Backend = (typeof BACKENDS)[number];

/** Fails with `config`, as confd's exit code 1, naming the backends that there are. */
export function backendOf(name: string): Backend {
  const found = BACKENDS.find((backend) => backend === name);
  if (found !== undefined) return found;
  const known = `expected one of ${BACKENDS.join(', ')}`;
  throw new ConfetdError(
    'config',
    FOREIGN_BACKENDS.includes(name)
      ? `Invalid backend: ${name} is not supported here: ${known}`
      : `Invalid backend: ${JSON.stringify(name)}: ${known}`,
  );
}

/** `confetd env --onetime`, as the active fork of confd has it, is `confetd --backend=env --onetime`. */
export function withBackendAsFlag(flags: FlagSet, argv: readonly string[]): readonly string[] {
  const { rest, restBeforeDashes, given } = parseFlags(flags, argv);
  const [word] = rest;
  if (word === undefined || restBeforeDashes !== undefined || !isBackend(word)) return argv;
  if (given.has('backend')) {
    throw new ConfetdError('usage', `--backend and ${word} both name the backend: keep one`);
  }
  const at = argv.length - rest.length;
  return [...argv.slice(0, at), `--backend=${word}`, ...argv.slice(at + 1)];
}

function isBackend(word: string): boolean {
  return BACKENDS.some((backend) => backend === word) || FOREIGN_BACKENDS.includes(word);
}
