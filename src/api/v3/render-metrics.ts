import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../io/clock.js';
import { RenderStatusResponse, type ResourceStatus } from '../../proto/generated/render.js';
import type { RenderControl } from './render-control.js';

/** A renderer that is busy with a template answers late: a scrape doesn't wait longer than this for it. */
const PATIENCE_MS = 1_000;
const STATES = ['in_sync', 'pending', 'failed', 'held'];

/** What the renderer has done and how it stands with its source, asked of it at each scrape. */
export function registerRenderMetrics(registry: Registry, render: RenderControl, clock: Clock): void {
  const latest = new LatestStatus(render, clock);
  const gauge = (name: string, help: string, read: (status: RenderStatusResponse) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(read(await latest.get()));
      },
    });
  };
  // One that no resource wants to follow is not missed.
  const connected = ({ sourceState }: RenderStatusResponse): boolean =>
    sourceState === 'connected' || sourceState === 'idle';
  const secondsSince = (unixMs: number): number =>
    unixMs === 0 ? 0 : Math.max(0, (clock.wallMs() - unixMs) / 1000);
  gauge(
    'confetd_render_source_connected',
    'Whether news of the keys reaches the renderer: 1, or 0.',
    (status) => (connected(status) ? 1 : 0),
  );
  gauge(
    'confetd_render_source_lost_seconds',
    'Seconds for which no news of the keys has reached the renderer.',
    (status) => (connected(status) ? 0 : secondsSince(status.sourceSince)),
  );
  gauge('confetd_render_source_revision', 'The newest revision that the renderer has seen.', (status) => {
    return status.sourceRevision;
  });
  gauge('confetd_render_source_last_change_seconds', 'Seconds since it saw that revision.', (status) =>
    secondsSince(status.sourceRevisionAt),
  );
  gauge('confetd_render_config_errors', 'Errors in conf.d and templates now.', (status) => {
    return status.configErrors.length;
  });
  registerResourceMetrics(registry, latest);
  new Gauge({
    name: 'confetd_render_resources',
    help: 'Resources by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const { resources } = await latest.get();
      for (const state of STATES) {
        this.set({ state }, resources.filter((resource) => resource.state === state).length);
      }
    },
  });
}

/** More resources than this are counted, but have no series of their own. */
const MAX_SERIES = 2_000;

/** How each file stands. What counts up begins again with the renderer. */
function registerResourceMetrics(registry: Registry, latest: LatestStatus): void {
  const labelNames = ['resource', 'dest'];
  const resources = async (): Promise<readonly ResourceStatus[]> => {
    return (await latest.get()).resources.slice(0, MAX_SERIES);
  };
  const gauge = (name: string, help: string, read: (resource: ResourceStatus) => number): void => {
    new Gauge({
      name: `confetd_render_resource_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const found = await resources();
        // Those that are gone have no series any more.
        this.reset();
        for (const one of found) this.set({ resource: one.name, dest: one.dest }, read(one));
      },
    });
  };
  const counter = (name: string, help: string, read: (resource: ResourceStatus) => number): void => {
    new Counter({
      name: `confetd_render_resource_${name}_total`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const found = await resources();
        this.reset();
        for (const one of found) this.inc({ resource: one.name, dest: one.dest }, read(one));
      },
    });
  };
  gauge('ready', 'Whether the file is what the keys say, checked and reloaded: 1, or 0.', ({ state }) =>
    state === 'in_sync' ? 1 : 0,
  );
  gauge('applied_revision', 'The revision that the file is of.', ({ appliedRevision }) => appliedRevision);
  gauge('last_swap_timestamp_seconds', 'When the file was last swapped; 0: not since the start.', (one) => {
    return one.swappedAt / 1000;
  });
  gauge('last_reload_ok', 'Whether the last reload succeeded, or none was needed: 1, or 0.', ({ reload }) =>
    reload === undefined || reload.at === 0 || reload.ok ? 1 : 0,
  );
  counter('renders', 'Times the template ran.', ({ renders }) => renders);
  counter('swaps', 'Times the file was replaced.', ({ swaps }) => swaps);
  counter('drifts', 'Times the file was found edited by hand.', ({ drifts }) => drifts);
  counter('reloads', 'Reloads that succeeded.', ({ reloads }) => reloads);
  counter('failed_reloads', 'Reloads that failed.', ({ failedReloads }) => failedReloads);
}

/** One question serves all metrics of a scrape, and one that isn't answered is not asked again. */
class LatestStatus {
  readonly #render: RenderControl;
  readonly #clock: Clock;
  #last = RenderStatusResponse.fromPartial({});
  #asked: Promise<void> | undefined;

  constructor(render: RenderControl, clock: Clock) {
    this.#render = render;
    this.#clock = clock;
  }

  /** The last answer where the renderer is busy; no source at all where it is gone. */
  async get(): Promise<RenderStatusResponse> {
    this.#asked ??= this.#ask();
    const asked = this.#asked;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.schedule(PATIENCE_MS, resolve);
      void asked.then(() => {
        timer.cancel();
        resolve();
      });
    });
    return this.#last;
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
