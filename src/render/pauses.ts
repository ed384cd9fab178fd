import type { StateFolder } from './state.js';

/** The note they are kept in, beside the states. */
const NOTE = 'pauses';
/** More at a time are a mistake. */
const MAX_PAUSES = 10_000;
/** Every destination. */
const ALL = '';

/** Destinations that are left alone for a while, by an operator's order; kept across restarts, as an incident may be. */
export class Pauses {
  readonly #states: StateFolder;
  /** Unix milliseconds of each pause's end, by destination; 0: until it is resumed. */
  readonly #until = new Map<string, number>();

  constructor(states: StateFolder) {
    this.#states = states;
  }

  /** Takes up what earlier processes were told. Damage counts as no pause. */
  async load(): Promise<void> {
    try {
      const parsed: unknown = JSON.parse((await this.#states.note(NOTE)) ?? '{}');
      if (typeof parsed !== 'object' || parsed === null) return;
      for (const [dest, until] of Object.entries(parsed))
        if (typeof until === 'number' && this.#until.size < MAX_PAUSES) this.#until.set(dest, until);
    } catch {
      this.#until.clear();
    }
  }

  /** Why a destination is left alone; undefined: it isn't. */
  reason(dest: string, nowMs: number): string | undefined {
    for (const paused of [dest, ALL]) {
      const until = this.#until.get(paused);
      if (until === undefined || (until !== 0 && until <= nowMs)) continue;
      const end = until === 0 ? '' : ` until ${new Date(until).toISOString()}`;
      return `paused${end}: confetctl render resume${paused === ALL ? '' : ` ${paused}`} ends it`;
    }
    return undefined;
  }

  /** `dest` '': every one. `untilMs` 0: until it is resumed. */
  async pause(dest: string, untilMs: number): Promise<void> {
    this.#until.set(dest, untilMs);
    await this.#save();
  }

  /** `dest` '': every pause, of single destinations too. False: there was none. */
  async resume(dest: string): Promise<boolean> {
    const found = dest === ALL ? this.#until.size > 0 : this.#until.delete(dest);
    if (dest === ALL) this.#until.clear();
    if (found) await this.#save();
    return found;
  }

  /** Forgets those that have ended, and answers when the next one ends; undefined: none does by itself. */
  async expire(nowMs: number): Promise<number | undefined> {
    const before = this.#until.size;
    for (const [dest, until] of this.#until) if (until !== 0 && until <= nowMs) this.#until.delete(dest);
    if (this.#until.size !== before) await this.#save();
    const ends = [...this.#until.values()].filter((until) => until !== 0);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #save(): Promise<void> {
    return this.#states.saveNote(NOTE, JSON.stringify(Object.fromEntries(this.#until)));
  }
}
