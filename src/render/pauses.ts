import { messageOf } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { StateFolder } from './state.js';

/** The note they are kept in, beside the states. */
const NOTE = 'pauses';
/** More at a time are a mistake. */
const MAX_PAUSES = 10_000;
/** Timers overflow, and the wall clock may jump: the end of a pause is looked for at least this often. */
const MAX_LOOK_MS = 3_600_000;
/** Every destination. */
const ALL = '';

export interface PausesOptions {
  readonly states: StateFolder;
  readonly clock: Clock;
  readonly log: Log;
  /** A pause has ended by itself. */
  readonly onEnd: () => void;
}

/** Destinations that are left alone for a while, by an operator's order; kept across restarts, as an incident may be. */
export class Pauses {
  readonly #options: PausesOptions;
  /** Unix milliseconds of each pause's end, by destination; 0: until it is resumed. */
  readonly #until = new Map<string, number>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: PausesOptions) {
    this.#options = options;
  }

  /** Takes up what earlier processes were told. Damage counts as no pause. */
  async load(): Promise<void> {
    const { states, log } = this.#options;
    try {
      const parsed: unknown = JSON.parse((await states.note(NOTE)) ?? '{}');
      if (typeof parsed !== 'object' || parsed === null) return;
      for (const [dest, until] of Object.entries(parsed))
        if (typeof until === 'number' && this.#until.size < MAX_PAUSES) this.#until.set(dest, until);
    } catch (error) {
      this.#until.clear();
      log.warn({ error: messageOf(error) }, 'the list of paused files is damaged: none is paused');
    }
    this.#waitForEnd();
  }

  /** Why a destination is left alone; undefined: it isn't. */
  reason(dest: string): string | undefined {
    const nowMs = this.#options.clock.wallMs();
    for (const paused of [dest, ALL]) {
      const until = this.#until.get(paused);
      if (until === undefined || (until !== 0 && until <= nowMs)) continue;
      const end = until === 0 ? '' : ` until ${new Date(until).toISOString()}`;
      return `paused${end}: confetctl render resume${paused === ALL ? '' : ` ${paused}`} ends it`;
    }
    return undefined;
  }

  /** `dest` '': every one. `forMs` 0: until it is resumed. */
  async pause(dest: string, forMs: number): Promise<void> {
    this.#until.set(dest, forMs === 0 ? 0 : this.#options.clock.wallMs() + forMs);
    await this.#save();
    this.#waitForEnd();
  }

  /** `dest` '': every pause, of single destinations too. False: there was none. */
  async resume(dest: string): Promise<boolean> {
    const found = dest === ALL ? this.#until.size > 0 : this.#until.delete(dest);
    if (dest === ALL) this.#until.clear();
    if (found) await this.#save();
    this.#waitForEnd();
    return found;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #waitForEnd(): void {
    this.#timer?.cancel();
    const { clock } = this.#options;
    const ends = [...this.#until.values()].filter((until) => until !== 0);
    if (ends.length === 0 || this.#closed) return;
    const delayMs = Math.min(...ends) - clock.wallMs();
    this.#timer = clock.schedule(Math.min(MAX_LOOK_MS, Math.max(1, delayMs)), () => this.#look());
  }

  #look(): void {
    const { clock, log, onEnd } = this.#options;
    const nowMs = clock.wallMs();
    const before = this.#until.size;
    for (const [dest, until] of this.#until) if (until !== 0 && until <= nowMs) this.#until.delete(dest);
    this.#waitForEnd();
    if (this.#until.size === before) return;
    // One that comes back after a restart has ended all the same.
    this.#save().catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'an end of a pause was not saved'),
    );
    onEnd();
  }

  #save(): Promise<void> {
    return this.#options.states.saveNote(NOTE, JSON.stringify(Object.fromEntries(this.#until)));
  }
}
