import { ConfetdError, messageOf } from '../base/errors.js';
import { backoffMs, pause } from '../client/backoff.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import { CountedKeys } from './counted-keys.js';
import { Followings } from './followings.js';
import { READ_TIMEOUT_MS, withDeadline } from './polled.js';
import type { Rereading } from './remote.js';
import { outermost } from './subtree.js';
import type { SourceTiming } from './timing.js';
import type { Following, Snapshot, Source, SourceListener, Subtree } from './types.js';

/** All keys of some subtrees, and a way to learn that they may be others by now. */
export interface Reading {
  /** By clean name. */
  readonly keys: ReadonlyMap<string, string>;
  /** Who answered, and how changes are learned of. */
  readonly where: string;
  /**
   * Resolves when a key may have changed since this reading began; rejects where that can't be known any more.
   * Undefined: nobody tells.
   */
  readonly changed: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** A store without revisions: read as a whole, again and again. */
export interface KeyStore {
  readonly name: string;
  /** For messages: what was asked. */
  readonly nodes: string;
  /**
   * Reads all keys of the subtrees. Ends with the signal, and rejects with a sentence. `watch`: the reading's `changed`
   * is wanted.
   */
  read(subtrees: readonly Subtree[], watch: boolean, signal: AbortSignal): Promise<Reading>;
  close(): Promise<void>;
}

export interface RereadOptions extends Rereading {
  readonly clock: Clock;
  readonly random: Random;
  readonly timing?: SourceTiming | undefined;
}

/**
 * A store without revisions as a source: whenever something may have changed it is read anew, and what differs is told
 * as the next revision. Revisions count what this process has seen, from 1; a reading is of no one moment.
 */
export class RereadSource implements Source {
  readonly name: string;
  readonly #store: KeyStore;
  readonly #options: RereadOptions;
  readonly #followings = new Followings();

  constructor(store: KeyStore, options: RereadOptions) {
    this.name = store.name;
    this.#store = store;
    this.#options = options;
  }

  async load(subtrees: readonly Subtree[], signal: AbortSignal): Promise<Snapshot> {
    const state = new CountedKeys(originOf(this.#store));
    const { keys } = await this.#read(subtrees, false, signal);
    state.adopt(keys);
    return state.snapshot();
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    return this.#followings.start((signal) => this.#follow(subtrees, listener, signal));
  }

  async close(): Promise<void> {
    await this.#followings.close();
    await this.#store.close();
  }

  async #follow(subtrees: readonly Subtree[], listener: SourceListener, signal: AbortSignal): Promise<void> {
    const { clock, random, intervalMs, watch, timing } = this.#options;
    const { firstRetryMs = FIRST_RETRY_MS, maxRetryMs = MAX_RETRY_MS } = timing ?? {};
    const state = new CountedKeys(originOf(this.#store));
    let told: 'nothing' | 'found' | 'lost' = 'nothing';
    for (let failures = 0; !signal.aborted; ) {
      try {
        const reading = await this.#read(subtrees, watch, signal);
        if (signal.aborted) return;
        if (told !== 'found') listener.found(reading.where);
        told = 'found';
        const first = state.revision === 0;
        const changes = state.adopt(reading.keys);
        if (first) listener.snapshot(state.snapshot());
        else if (changes.length > 0) {
          listener.changes({ revision: state.revision, changes, committedAtMs: undefined });
        }
        failures = 0;
        await untilChanged(reading, clock, intervalMs, signal).catch((error: unknown) => {
          throw this.#named(error);
        });
        // Changes come in groups, and each reading costs the store all keys.
        await pause(clock, SETTLE_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (told !== 'lost') listener.lost(messageOf(error));
        told = 'lost';
        await pause(clock, backoffMs(random, failures++, firstRetryMs, maxRetryMs), signal);
      }
    }
  }

  async #read(subtrees: readonly Subtree[], watch: boolean, signal: AbortSignal): Promise<Reading> {
    const { clock, timing } = this.#options;
    try {
      return await withDeadline(clock, timing?.readTimeoutMs ?? READ_TIMEOUT_MS, signal, (bounded) =>
        this.#store.read(outermost(subtrees), watch, bounded),
      );
    } catch (error) {
      throw this.#named(error);
    }
  }

  #named(error: unknown): ConfetdError {
    const { name, nodes } = this.#store;
    return new ConfetdError('source', `${name} (${nodes}): ${messageOf(error)}`, { cause: error });
  }
}

/** Resolves when something may have changed, or it is time to look anyway. */
async function untilChanged(
  { changed }: Reading,
  clock: Clock,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  const abort = new AbortController();
  const end = (): void => abort.abort();
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([changed?.(abort.signal) ?? NEVER, pause(clock, intervalMs, abort.signal)]);
  } finally {
    signal.removeEventListener('abort', end);
    abort.abort();
  }
}

const NEVER: Promise<void> = new Promise(() => undefined);

/** Not a cluster's ID: another process counts anew, and that is no way back. */
function originOf({ name, nodes }: KeyStore): string {
  return `${name}:${nodes}`;
}

const SETTLE_MS = 20;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;
