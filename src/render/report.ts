import type { RenderStatusResponse, RenderWhyResponse } from '../proto/generated/render.js';
import { findTarget } from './find-target.js';
import type { Fleet } from './fleet.js';
import type { Result } from './result.js';
import type { Schedule } from './schedule.js';
import type { SourceFields } from './source-state.js';
import { statusOf } from './status.js';
import { why } from './why.js';
import type { World } from './world.js';

export interface ReportPorts {
  readonly world: World;
  readonly fleet: Fleet;
  readonly schedule: Schedule;
  source(): SourceFields;
  configErrors(): readonly string[];
  /** The targets are those that conf.d and the keys ask for. */
  filesKnown(): boolean;
}

/** What a renderer answers to those who ask how its files stand. */
export class Report {
  readonly #ports: ReportPorts;

  constructor(ports: ReportPorts) {
    this.#ports = ports;
  }

  /** Takes up how a pass ended for one target. */
  passed({ target, attempt, status, reason, revision }: Result): void {
    const { clock } = this.#ports.world.ports;
    const at = clock.wallMs();
    if (status === 'failed') target.failedPasses++;
    else if (status === 'written' || status === 'in sync') target.succeededAtMs = at;
    const { trigger, cause, beganAtMs } = attempt;
    const durationMs = clock.monotonicMs() - beganAtMs;
    target.history.record({ at, durationMs, trigger, revision, outcome: status, reason }, cause);
  }

  status(): RenderStatusResponse {
    const { fleet, schedule, world } = this.#ports;
    const { revision } = world.mirror;
    return {
      resources: [...fleet.targets].map((target) =>
        statusOf(target, { revision, lane: fleet.laneOf(target), schedule }),
      ),
      ...this.#ports.source(),
      configErrors: [...this.#ports.configErrors()],
      filesKnown: this.#ports.filesKnown(),
      histograms: world.meters.snapshot(),
    };
  }

  /** Fails as `findTarget`. */
  why(dest: string, resource: string, limit: number): Promise<RenderWhyResponse> {
    const { fleet, schedule, world } = this.#ports;
    // As a promise that fails, like any other call.
    return Promise.resolve().then(() => {
      const target = findTarget(fleet.targets, dest, resource);
      const around = { revision: world.mirror.revision, lane: fleet.laneOf(target), schedule };
      return why(target, statusOf(target, around), limit, world);
    });
  }
}
