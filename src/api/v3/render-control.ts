import type {
  RenderStatusResponse,
  RenderWaitResponse,
  RenderWhyResponse,
} from '../../proto/generated/render.js';

/** The daemon's renderer as the API sees it; the renderer itself lives in a worker. */
export interface RenderControl {
  status(): Promise<RenderStatusResponse>;
  /**
   * Resolves when everything that changes up to `revision` affect has been applied or has failed, or after
   * `timeoutMs` with `timedOut`. `timeoutMs` is positive.
   */
  wait(revision: number, timeoutMs: number): Promise<RenderWaitResponse>;
  /** What a file is made from: that of a path, or else of a resource. `limit`: of each list, so many at most. */
  why(dest: string, resource: string, limit: number): Promise<RenderWhyResponse>;
  /** Leaves a file alone, '' all of them, for so many milliseconds; 0: until it is resumed. */
  pause(dest: string, forMs: number): Promise<void>;
  /** Ends the pause of a file, '' every pause. */
  resume(dest: string): Promise<void>;
  /** Takes the source as it is for a file that is held because the source is behind it. */
  accept(dest: string): Promise<void>;
}
