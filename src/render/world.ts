import type { RunCommand } from '../command/types.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { Mirror } from '../source/mirror.js';
import type { Accounts } from './accounts.js';
import type { Activity } from './activity.js';
import type { RenderEvent } from './events.js';
import type { RenderFiles } from './files.js';
import type { Resolver } from './functions/needs.js';
import type { Meters } from './meters.js';
import type { Pauses } from './pauses.js';
import type { Slots } from './slots.js';
import type { StateFolder } from './state.js';
import type { Engine } from './types.js';

/** What rendering needs from outside. */
export interface RenderPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly files: RenderFiles;
  readonly accounts: Accounts;
  readonly resolver: Resolver;
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The template language of a file extension (`.hbs`), loaded at its first use; undefined: there is none. */
  engine(extension: string): Promise<Engine | undefined>;
}

export interface PassOptions {
  /** Tells what would change, and writes nothing. */
  readonly noop: boolean;
  /** Runs neither check nor verify nor reload commands. */
  readonly syncOnly: boolean;
  /** What would be a warning fails. */
  readonly strict: boolean;
  /** Leaves staged files that were not swapped in. */
  readonly keepStage: boolean;
  /** Whether `written` events carry diffs. */
  readonly diffs: boolean;
  /** Lines shown around a change. */
  readonly diffContext: number;
  /** What min_reload_interval puts off is done later. A one-shot has no later: it reloads at once. */
  readonly putsReloadsOff: boolean;
  /** Of one lookup, in milliseconds. */
  readonly lookupTimeoutMs: number;
}

export const DEFAULT_PASS: PassOptions = {
  noop: false,
  syncOnly: false,
  strict: false,
  keepStage: false,
  diffs: false,
  putsReloadsOff: false,
  diffContext: 3,
  lookupTimeoutMs: 5_000,
};

/** What all stages of all passes share. */
export interface World {
  readonly ports: RenderPorts;
  readonly pass: PassOptions;
  readonly states: StateFolder;
  readonly pauses: Pauses;
  readonly meters: Meters;
  /** The keys as they are now. It moves on between the turns of the event loop. */
  readonly mirror: Mirror;
  /** Commands that run at a time. */
  readonly commands: Slots;
  /** Aborted: lookups, checks and verifications end, and nothing is swapped any more. */
  readonly stopping: AbortSignal;
  /** Aborted: running reloads end too. */
  readonly ended: AbortSignal;
  emit(event: RenderEvent): void;
  /** Told what is being done, where somebody watches. Must not throw. */
  readonly activity?: (activity: Activity) => void;
}
