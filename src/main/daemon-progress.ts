import { few, Progress, type StatusStream, waited } from '../cli/progress.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { SourceSpec } from '../render/messages.js';
import { placesOf } from './announce-source.js';

/** Of a member, as far as a start may have to wait for it. */
export interface Led {
  /** 0: none is known. */
  readonly leader: bigint;
}

/** What a daemon shows on a terminal while its start takes long. Nothing after that: its lines tell what happens. */
export class DaemonProgress {
  readonly #progress: Progress;
  #member: Led | undefined;
  #isRendered = false;
  #source: string | undefined;

  /** `person`: somebody watches standard output and error. */
  constructor(clock: Clock, person: boolean, stream: StatusStream = process.stderr, env = process.env) {
    this.#progress = new Progress({ stream, clock, env, wanted: person });
  }

  log(log: Log): Log {
    return this.#progress.log(log);
  }

  /** To standard output; the line makes room. */
  readonly write = (text: string): void => {
    this.#progress.around(() => process.stdout.write(text));
  };

  /** The data folder is opened, and other members may have to be asked. */
  starting(): void {
    this.#progress.show((elapsedMs) => `starting the member for ${waited(elapsedMs)}`);
  }

  /** Clients are served. `source`: what is rendered from; undefined: nothing is rendered. */
  serving(member: Led | undefined, source: SourceSpec | undefined): void {
    this.#member = member;
    this.#isRendered = source === undefined;
    if (source !== undefined && source.type !== 'embedded') this.#source = few(placesOf(source));
    this.#progress.show((elapsedMs) => this.#describe(elapsedMs));
  }

  /** Every file has been tried once. */
  rendered(): void {
    this.#isRendered = true;
    this.#endIfDone();
  }

  end(): void {
    this.#progress.done();
  }

  #describe(elapsedMs: number): string | undefined {
    if (this.#endIfDone()) return undefined;
    if (this.#member?.leader === 0n) return `waiting for a leader for ${waited(elapsedMs)}`;
    if (this.#source === undefined) return `rendering for the first time for ${waited(elapsedMs)}`;
    return `waiting for the keys from ${this.#source} for ${waited(elapsedMs)}`;
  }

  #endIfDone(): boolean {
    if (!this.#isRendered || this.#member?.leader === 0n) return false;
    this.#progress.done();
    return true;
  }
}
