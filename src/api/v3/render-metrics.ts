import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../io/clock.js';
import type { RenderStatusResponse, ResourceStatus } from '../../proto/generated/render.js';
import { LatestStatus } from './latest-status.js';
import type { RenderControl } from './render-control.js';
import { TalliedHistogram } from './tallied-histogram.js';

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
  registerDurations(registry, latest);
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
  gauge('pending', 'Whether a render, a reload or a retry is still to be done: 1, or 0.', ({ pending }) =>
    pending === '' ? 0 : 1,
  );
  gauge(
    'last_success_timestamp_seconds',
    'When a pass last left the file as the keys say; 0: not since the start.',
    ({ succeededAt }) => succeededAt / 1000,
  );
  gauge('last_swap_timestamp_seconds', 'When the file was last swapped; 0: not since the start.', (one) => {
    return one.swappedAt / 1000;
  });
  gauge('last_reload_ok', 'Whether the last reload succeeded, or none was needed: 1, or 0.', ({ reload }) =>
    reload === undefined || reload.at === 0 || reload.ok ? 1 : 0,
  );
  counter('renders', 'Times the template ran.', ({ renders }) => renders);
  counter(
    'render_seconds',
    'Seconds that its template ran, lookups included.',
    ({ renderMs }) => renderMs / 1000,
  );
  counter(
    'failures',
    'Passes that failed, by a template, a command or the disk.',
    ({ failures }) => failures,
  );
  counter('swaps', 'Times the file was replaced.', ({ swaps }) => swaps);
  counter('drifts', 'Times the file was found edited by hand.', ({ drifts }) => drifts);
  counter('reloads', 'Reloads that succeeded.', ({ reloads }) => reloads);
  counter('failed_reloads', 'Reloads that failed.', ({ failedReloads }) => failedReloads);
}

/** How long things took, of all files together: a series for each bound and file would be too many. */
function registerDurations(registry: Registry, latest: LatestStatus): void {
  const named = async (...names: readonly string[]) =>
    (await latest.get()).histograms.filter(({ name }) => names.includes(name));
  const histogram = (name: string, help: string, meter: string): void => {
    const config = { name: `confetd_render_${name}_seconds`, help, registers: [registry] };
    new TalliedHistogram(config, async () =>
      (await named(meter)).map((one) => ({ labels: {}, histogram: one })),
    );
  };
  histogram('duration', 'Seconds that one run of a template took, lookups included.', 'render');
  histogram(
    'latency',
    'Seconds from the commit of a change to the swap of a file that it caused.',
    'latency',
  );
  new TalliedHistogram(
    {
      name: 'confetd_render_command_duration_seconds',
      help: 'Seconds that check, verify and reload commands took.',
      labelNames: ['command'],
      registers: [registry],
    },
    async () =>
      (await named('check', 'verify', 'reload')).map((one) => ({
        labels: { command: one.name },
        histogram: one,
      })),
  );
}
