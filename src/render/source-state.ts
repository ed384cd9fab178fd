import type { Clock } from '../io/clock.js';
import type { RenderStatusResponse } from '../proto/generated/render.js';

export type SourceFields = Pick<
  RenderStatusResponse,
  | 'source'
  | 'sourceRevision'
  | 'sourceRevisionAt'
  | 'sourceState'
  | 'sourceSince'
  | 'sourceWhere'
  | 'sourceError'
>;

/** How a renderer stands with its source: whether news comes, since when, and how old the newest is. */
export class SourceState {
  readonly #clock: Clock;
  #state: 'idle' | 'connecting' | 'connected' | 'lost' = 'idle';
  #sinceMs: number;
  #where = '';
  #reason = '';
  #revision = 0;
  #revisionAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.wallMs();
  }

  /** Keys are wanted. */
  followed(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'connecting';
    this.#sinceMs = this.#clock.wallMs();
  }

  /** News comes. False: that was so, or it is the first time. */
  found(where: string): boolean {
    const before = this.#state;
    this.#where = where;
    this.#reason = '';
    if (before !== 'connected') this.#sinceMs = this.#clock.wallMs();
    this.#state = 'connected';
    return before === 'lost';
  }

  /** No news comes. False: that was known. */
  lost(reason: string, sinceMs = this.#clock.wallMs()): boolean {
    this.#reason = reason;
    if (this.#state === 'lost') return false;
    this.#state = 'lost';
    this.#sinceMs = sinceMs;
    return true;
  }

  /** The keys are at this revision now. */
  reached(revision: number): void {
    this.#revision = revision;
    this.#revisionAtMs = this.#clock.wallMs();
  }

  fields(source: string): SourceFields {
    return {
      source,
      sourceRevision: this.#revision,
      sourceRevisionAt: this.#revisionAtMs,
      sourceState: this.#state,
      sourceSince: this.#sinceMs,
      sourceWhere: this.#where,
      sourceError: this.#reason,
    };
  }
}
