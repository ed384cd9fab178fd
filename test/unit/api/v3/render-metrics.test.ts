import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerRenderMetrics } from '../../../../src/api/v3/render-metrics.js';
import { RenderStatusResponse, ResourceStatus } from '../../../../src/proto/generated/render.js';
import { VirtualClock } from '../../../sim/clock.js';

function setup() {
  const clock = new VirtualClock();
  const registry = new Registry();
  let status: () => Promise<RenderStatusResponse> = () => Promise.reject(new Error('gone'));
  let asked = 0;
  registerRenderMetrics(
    registry,
    {
      status: () => {
        asked++;
        return status();
      },
      why: () => Promise.reject(new Error('not used')),
      wait: () => Promise.reject(new Error('not used')),
      pause: () => Promise.reject(new Error('not used')),
      resume: () => Promise.reject(new Error('not used')),
      accept: () => Promise.reject(new Error('not used')),
    },
    clock,
  );
  return {
    clock,
    asked: () => asked,
    answer: (next: () => Promise<RenderStatusResponse>) => {
      status = next;
    },
    async scrape(): Promise<Record<string, number>> {
      const text = await registry.metrics();
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return Object.fromEntries(
        lines.map((line) => {
          const [name = '', value] = line.split(' ');
          return [name.replace('confetd_render_', ''), Number(value)];
        }),
      );
    },
  };
}

const resource = (state: string) => ResourceStatus.fromPartial({ state });

test('one question a scrape answers for the source and the resources', async () => {
  const rig = setup();
  const { clock } = rig;
  const status = (more: Partial<RenderStatusResponse>) => () =>
    Promise.resolve(
      RenderStatusResponse.fromPartial({
        sourceRevision: 57,
        sourceRevisionAt: clock.wallMs() - 90_000,
        sourceSince: clock.wallMs() - 30_000,
        resources: [resource('in_sync'), resource('in_sync'), resource('held')],
        configErrors: ['bad'],
        ...more,
      }),
    );
  rig.answer(status({ sourceState: 'connected' }));
  const scraped = await rig.scrape();
  expect(
    Object.fromEntries(Object.entries(scraped).filter(([name]) => !name.startsWith('resource_'))),
  ).toEqual({
    source_connected: 1,
    source_lost_seconds: 0,
    source_revision: 57,
    source_last_change_seconds: 90,
    config_errors: 1,
    'resources{state="in_sync"}': 2,
    'resources{state="pending"}': 0,
    'resources{state="failed"}': 0,
    'resources{state="held"}': 1,
  });
  expect(rig.asked()).toBe(1);
  rig.answer(status({ sourceState: 'lost', sourceError: 'cut off from the leader' }));
  expect(await rig.scrape()).toMatchObject({ source_connected: 0, source_lost_seconds: 30 });
  rig.answer(status({ sourceState: 'idle' }));
  expect(await rig.scrape()).toMatchObject({ source_connected: 1, source_lost_seconds: 0 });
});

test('each file has its own series, for as long as there is the file', async () => {
  const rig = setup();
  const one = ResourceStatus.fromPartial({
    name: 'web',
    dest: '/etc/a',
    state: 'in_sync',
    appliedRevision: 9,
    renders: 4,
    swaps: 3,
    drifts: 2,
    reloads: 1,
    failedReloads: 5,
    swappedAt: 1_700_000_000_500,
    reload: { at: 1, ok: false, outcome: 'exit 1', durationMs: 1 },
    failures: 6,
    succeededAt: 1_700_000_001_500,
    renderMs: 250,
    pending: 'retry in 4s',
  });
  const other = ResourceStatus.fromPartial({ name: 'db', dest: '/etc/b', state: 'held' });
  const answer = (resources: readonly ResourceStatus[]) => () =>
    Promise.resolve(RenderStatusResponse.fromPartial({ resources: [...resources] }));
  rig.answer(answer([one, other]));
  const first = await rig.scrape();
  const of = (name: string, labels: string) => first[`resource_${name}{${labels}}`];
  const web = 'resource="web",dest="/etc/a"';
  const names = ['ready', 'applied_revision', 'last_swap_timestamp_seconds', 'last_reload_ok'];
  expect(names.map((name) => of(name, web))).toEqual([1, 9, 1_700_000_000.5, 0]);
  expect(of('last_success_timestamp_seconds', web)).toBe(1_700_000_001.5);
  expect(of('pending', web)).toBe(1);
  const counters = ['renders', 'swaps', 'drifts', 'reloads', 'failed_reloads', 'failures', 'render_seconds'];
  expect(counters.map((name) => of(`${name}_total`, web))).toEqual([4, 3, 2, 1, 5, 6, 0.25]);
  const db = 'resource="db",dest="/etc/b"';
  expect(['ready', 'last_reload_ok'].map((name) => of(name, db))).toEqual([0, 1]);
  rig.answer(answer([{ ...one, swaps: 7 }]));
  const second = await rig.scrape();
  expect(second[`resource_swaps_total{${web}}`]).toBe(7);
  expect(Object.keys(second).filter((name) => name.includes('/etc/b'))).toEqual([]);
});

test('durations are histograms of all files together, as the renderer has counted them', async () => {
  const rig = setup();
  const histogram = (name: string) => ({ name, bounds: [0.001, 0.5], counts: [3, 2, 1], sum: 4.5 });
  const names = ['render', 'latency', 'check', 'verify', 'reload'];
  rig.answer(() => Promise.resolve(RenderStatusResponse.fromPartial({ histograms: names.map(histogram) })));
  const scraped = await rig.scrape();
  for (const name of ['duration', 'latency'])
    expect(scraped).toMatchObject({
      [`${name}_seconds_bucket{le="0.001"}`]: 3,
      [`${name}_seconds_bucket{le="0.5"}`]: 5,
      [`${name}_seconds_bucket{le="+Inf"}`]: 6,
      [`${name}_seconds_sum`]: 4.5,
      [`${name}_seconds_count`]: 6,
    });
  for (const command of ['check', 'verify', 'reload'])
    expect(scraped).toMatchObject({
      [`command_duration_seconds_bucket{le="0.5",command="${command}"}`]: 5,
      [`command_duration_seconds_count{command="${command}"}`]: 6,
    });
  expect(rig.asked()).toBe(1);
});

test('a renderer that is busy holds no scrape up for more than a second; one that is gone is not connected', async () => {
  const rig = setup();
  rig.answer(() =>
    Promise.resolve(RenderStatusResponse.fromPartial({ sourceState: 'connected', sourceRevision: 5 })),
  );
  await rig.scrape();
  let fail = (_error: Error): void => {};
  rig.answer(
    () =>
      new Promise((_resolve, reject) => {
        fail = reject;
      }),
  );
  const began = rig.clock.monotonicMs();
  expect(await rig.clock.until(rig.scrape())).toMatchObject({ source_connected: 1, source_revision: 5 });
  expect(rig.clock.monotonicMs() - began).toBe(1_000);
  await rig.clock.until(rig.scrape());
  expect(rig.asked()).toBe(2);
  fail(new Error('gone'));
  await rig.clock.until(rig.clock.yield());
  rig.answer(() => Promise.reject(new Error('gone')));
  expect(await rig.scrape()).toMatchObject({ source_connected: 0, source_revision: 5 });
});
