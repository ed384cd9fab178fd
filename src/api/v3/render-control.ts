import type { RenderStatusResponse, RenderWaitResponse } from '../../proto/generated/render.js';

/** The daemon's renderer as the API sees it; the renderer itself lives in a worker. */
export interface RenderControl {
  status(): Promise<RenderStatusResponse>;
  /**
   * Resolves when everything that changes up to `revision` affect has been applied or has failed, or after
   * `timeoutMs` with `timedOut`. `timeoutMs` is positive.
   */
  wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse>;
}
