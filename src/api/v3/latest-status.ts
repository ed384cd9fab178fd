import type { Clock } from '../../io/clock.js';
import { RenderStatusResponse } from '../../proto/generated/render.js';
import type { RenderControl } from './render-control.js';

/** A renderer that is busy with a template answers late: nobody waits longer than this for it. */
const PATIENCE_MS = 1_000;

/** The renderer's status for those who ask often: one question serves all, and one that isn't answered is not asked again. */
export class LatestStatus {
  readonly #render: Pick<RenderControl, 'status'>;
  readonly #clock: Clock;
  #last = RenderStatusResponse.fromPartial({});
  #asked: Promise<void> | undefined;

  constructor(render: Pick<RenderControl, 'status'>, clock: Clock) {
    this.#render = render;
    this.#clock = clock;
  }

  /** The last answer where the renderer is busy; no source at all where it is gone. */
  async get(): Promise<RenderStatusResponse> {
    await this.#answered();
    return this.#last;
  }

  /** Undefined: the renderer is busy, or gone, and what it said before is no longer to be relied on. */
  async fresh(): Promise<RenderStatusResponse | undefined> {
    return (await this.#answered()) && this.#last.sourceState !== '' ? this.#last : undefined;
  }

  /** Whether it has answered in time. */
  async #answered(): Promise<boolean> {
    this.#asked ??= this.#ask();
    const asked = this.#asked;
    return await new Promise<boolean>((resolve) => {
      const timer = this.#clock.schedule(PATIENCE_MS, () => resolve(false));
      void asked.then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }

  async #ask(): Promise<void> {
    try {
      this.#last = await this.#render.status();
    } catch {
      this.#last = { ...this.#last, sourceState: '' };
    }
    this.#asked = undefined;
  }
}
