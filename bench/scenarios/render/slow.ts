import { percentiles } from '../../closed-loop.js';
import type { LoadClient } from '../../grpc-load.js';
import { PATHS, put, putAll } from '../../messages.js';
import type { Bench } from '../../plan.js';
import { exactly } from '../../report.js';
import { sleep, within } from '../../wait.js';
import { type Daemon, withDaemon } from './daemon.js';

const NAME = 'slow.conf';
const WANTED_MS = 2000;
const VALUE = Buffer.alloc(256, 'v');
/** 20 clients, each with a put every 20 ms: a load that leaves the machine idle, so that what is seen is the render. */
const CLIENTS = 20;
const EVERY_MS = 20;
/** The heartbeat interval: a pause between answers longer than this would have cost a heartbeat. */
const HEARTBEAT_MS = 100;

/** Loops as often as the key /slow/loops says, a thousand steps each. */
const TEMPLATE = `loops = {{getv "/slow/loops" "0"}} {{getv "/slow/run" "none"}}
{{#each (seq 1 (atoi (getv "/slow/loops" "0"))) as |outer|}}{{#each (seq 1 1000) as |inner|}}{{#if (eq inner 0)}}never{{/if}}{{/each}}{{/each}}
`;

/** Puts go on while a template renders for two seconds in the same daemon. */
export async function slow(bench: Bench): Promise<void> {
  await withDaemon([{ name: NAME, keys: ['/slow'], template: TEMPLATE }], async (daemon) => {
    await daemon.destinations.holds(NAME, 'none');
    const loops = await calibrate(daemon);
    const idle = await paced(daemon.client, sleep(WANTED_MS));
    let took = 0;
    const busy = await paced(
      daemon.client,
      renderOnce(daemon, loops, 'measured').then((ms) => {
        took = ms;
      }),
    );
    if (took < WANTED_MS / 2)
      throw new Error(`the render took ${Math.round(took)} ms, not about ${WANTED_MS}`);
    const add = (name: string, unit: string, value: number) =>
      bench.report.add({ name: `a 2-second render: ${name}`, unit, better: 'lower' }, 'confetd', value);
    add('it took', 's', took / 1000);
    add('puts’ p99 without it', 'ms', idle.p99Ms);
    add('puts’ p99 during it', 'ms', busy.p99Ms);
    add('longest pause between answers', 'ms', busy.longestPauseMs);
    bench.report.add(
      {
        name: 'a 2-second render: heartbeats missed',
        unit: `pauses > ${HEARTBEAT_MS} ms`,
        better: 'lower',
        mark: exactly(0),
      },
      'confetd',
      busy.missed,
    );
  });
}

/** How many loops take two seconds here. */
async function calibrate(daemon: Daemon): Promise<number> {
  let loops = 50;
  for (let attempt = 0; attempt < 8; attempt++) {
    const ms = await renderOnce(daemon, loops, `calibration-${attempt}`);
    const next = Math.max(1, Math.round((loops * WANTED_MS) / ms));
    if (ms > 400) return next;
    loops = Math.min(next, loops * 8);
  }
  throw new Error('no number of loops takes two seconds');
}

/** Milliseconds from a change to the file that follows. */
async function renderOnce({ client, destinations }: Daemon, loops: number, run: string): Promise<number> {
  const began = performance.now();
  const swapped = destinations.holds(NAME, `loops = ${loops} ${run}`);
  const pairs = [
    ['/slow/loops', String(loops)],
    ['/slow/run', run],
  ] as const;
  await client.call(PATHS.txn, putAll(pairs));
  return (await swapped) - began;
}

interface Paced {
  readonly p99Ms: number;
  readonly longestPauseMs: number;
  readonly missed: number;
}

async function paced(client: LoadClient, until: Promise<void>): Promise<Paced> {
  const latencies: number[] = [];
  let lastAnswer = performance.now();
  let longestPauseMs = 0;
  let missed = 0;
  let over = false;
  const ended = until.finally(() => {
    over = true;
  });
  const loop = async (index: number) => {
    let due = performance.now() + index;
    while (!over) {
      await sleep(Math.max(0, due - performance.now()));
      due += EVERY_MS;
      const sent = performance.now();
      await client.call(PATHS.put, put(`/load/${index}`, VALUE));
      const now = performance.now();
      latencies.push(now - sent);
      const pause = now - lastAnswer;
      longestPauseMs = Math.max(longestPauseMs, pause);
      missed += Math.floor(pause / HEARTBEAT_MS);
      lastAnswer = now;
    }
  };
  const loops = Promise.all(Array.from({ length: CLIENTS }, (_, index) => loop(index)));
  await within(60_000, 'puts beside a render', Promise.all([loops, ended]));
  return { p99Ms: percentiles(latencies).p99Ms, longestPauseMs, missed };
}
