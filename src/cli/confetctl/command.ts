import type { Client } from '../../client/client.js';
import { EXIT, ExitError } from '../exit-error.js';
import type { FlagSet, FlagValues, GivenFlags } from '../flags.js';
import type { Output, Printer } from '../output/format.js';
import { printerFor } from '../output/printer.js';
import { Progress } from '../progress.js';
import { settle } from '../settings.js';
import { type Globals, tlsOf } from './globals.js';
import type { Ports } from './ports.js';

/** One run of one command. */
export class Invocation {
  readonly args: readonly string[];
  /** How many of the arguments came before `--`; undefined: there was none. */
  readonly argsBeforeDashes: number | undefined;
  readonly globals: Globals;
  readonly ports: Ports;
  #client: Client | undefined;

  constructor(args: readonly string[], argsBeforeDashes: number | undefined, globals: Globals, ports: Ports) {
    this.args = args;
    this.argsBeforeDashes = argsBeforeDashes;
    this.globals = globals;
    this.ports = ports;
  }

  /** The client of all endpoints, made when first asked for, closed when the command ends. */
  async client(): Promise<Client> {
    this.#client ??= await this.clientOf(this.globals.endpoints);
    return this.#client;
  }

  /** Another client, which the caller closes. */
  async clientOf(endpoints: readonly string[]): Promise<Client> {
    const { clock, random } = this.ports;
    if (endpoints.every((text) => text.trim() === '')) {
      throw new ExitError(EXIT.badConnection, 'no endpoint is given: write --endpoints host:port');
    }
    const tls = await tlsOf(this.globals, this.ports);
    // Not for `version` and `--help`: the protocol alone takes 20 ms to load.
    const { Client } = await import('../../client/client.js');
    return new Client({
      endpoints,
      clock,
      random,
      dialTimeoutMs: this.globals['dial-timeout'],
      requestTimeoutMs: this.globals['command-timeout'],
      ...(tls === undefined ? {} : { tls }),
    });
  }

  printer(valueOnly = false): Promise<Printer> {
    return printerFor(this.globals['write-out'], { hex: this.globals.hex, valueOnly });
  }

  /** The status line of a command that waits, on a terminal; whoever shows something on it ends it before printing. */
  progress(): Progress {
    const { clock, env, status } = this.ports;
    return new Progress({ stream: status ?? NOWHERE, clock, env });
  }

  print(output: Output): Promise<void> {
    return this.ports.stdout(output);
  }

  close(): void {
    this.#client?.close();
  }
}

const NOWHERE = { write: () => undefined };

export interface Command {
  /** `lease grant` */
  readonly name: string;
  /** What follows the name, for its usage line. */
  readonly synopsis: string;
  readonly description?: string;
  readonly flags: FlagSet;
  start(invocation: Invocation, given: GivenFlags): Promise<void>;
}

/** A command whose body gets its own flags typed by their declaration. */
export function command<Flags extends FlagSet>(
  spec: Omit<Command, 'flags' | 'start'> & {
    readonly flags: Flags;
    run(invocation: Invocation, flags: FlagValues<Flags>): Promise<void>;
  },
): Command {
  const start: Command['start'] = (invocation, given) =>
    spec.run(invocation, settle(spec.flags, given).values);
  return { ...spec, start };
}

export function badArguments(message: string): ExitError {
  return new ExitError(EXIT.badArguments, message);
}
