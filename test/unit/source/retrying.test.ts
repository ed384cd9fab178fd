import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { openSource } from '../../../src/render/open-source.js';
import { isUnreachable, RetryingSource } from '../../../src/source/retrying.js';
import { ManualClock, ManualSource } from '../render/rig.js';

/** A source that fails so many times, and what it was asked. */
function failing(times: number, error: Error) {
  let loads = 0;
  const source = new ManualSource();
  source.load = async () => {
    if (++loads <= times) throw error;
    return source.snapshotNow();
  };
  return { source, count: () => loads };
}

const away = new ConfetdError('source', 'etcdv3: away', { cause: new ConfetdError('unavailable', 'away') });
const ports = { clock: new ManualClock(), random: { uint32: () => 0, float: () => 1 } };
const signal = new AbortController().signal;

async function settled(promise: Promise<unknown>, clock: ManualClock): Promise<unknown> {
  let result: unknown;
  promise.then(
    (value) => (result = value),
    (error: unknown) => (result = error),
  );
  for (let turn = 0; turn < 50 && result === undefined; turn++) {
    await clock.yield();
    clock.advance(10_000);
  }
  return result;
}

describe('a load that finds nobody', () => {
  it('is tried again so often, with pauses that double up to the most', async () => {
    const clock = new ManualClock();
    const { source, count } = failing(9, away);
    const timing = { loadAttempts: 4, firstRetryMs: 100, maxRetryMs: 150 };
    const retrying = new RetryingSource(source, timing, { ...ports, clock });
    const pauses: number[] = [];
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayMs, task) => {
      pauses.push(delayMs);
      return schedule(delayMs, task);
    };
    expect(await settled(retrying.load([], signal), clock)).toBe(away);
    expect([count(), pauses]).toEqual([4, [100, 150, 150]]);
  });

  it('succeeds with the first that answers', async () => {
    const { source, count } = failing(2, away);
    const retrying = new RetryingSource(source, { loadAttempts: 3 }, ports);
    expect(await settled(retrying.load([], signal), ports.clock)).toMatchObject({ origin: 'c1' });
    expect(count()).toBe(3);
  });

  it('is not tried again where it was refused, or the time is over', async () => {
    const refused = new ConfetdError('source', 'vault: permission denied');
    const { source, count } = failing(9, refused);
    await expect(new RetryingSource(source, { loadAttempts: 3 }, ports).load([], signal)).rejects.toBe(
      refused,
    );
    expect(count()).toBe(1);
    const other = failing(9, away);
    const load = new RetryingSource(other.source, { loadAttempts: 3 }, ports).load([], AbortSignal.abort());
    await expect(load).rejects.toBe(away);
    expect(other.count()).toBe(1);
    const late = new AbortController();
    const last = failing(9, away);
    let loads = 0;
    last.source.load = async () => {
      if (++loads === 1) throw away;
      late.abort();
      throw new ConfetdError('source', 'cut off');
    };
    const cut = new RetryingSource(last.source, { loadAttempts: 3 }, ports).load([], late.signal);
    expect(await settled(cut, ports.clock)).toBe(away);
  });
});

describe('who nobody reaches', () => {
  /** A port that refuses connections. */
  async function refusingPort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => {
      server.close(resolve);
    });
    return port;
  }

  const rereading = { intervalMs: 1000, watch: false };
  it.each(['etcdv3', 'consul', 'redis', 'zookeeper', 'vault'] as const)(
    '%s: a refused connection is such a case',
    async (type) => {
      const node = `127.0.0.1:${await refusingPort()}`;
      const specs = {
        etcdv3: { type: 'etcdv3', endpoints: [node] },
        consul: { type: 'consul', nodes: [node], scheme: 'http', token: '', ...rereading },
        redis: { type: 'redis', nodes: [node], username: '', password: '', separator: '/', ...rereading },
        zookeeper: { type: 'zookeeper', nodes: [node], ...rereading },
        vault: {
          type: 'vault',
          nodes: [`http://${node}`],
          login: { type: 'token', token: 't' },
          ...rereading,
        },
      } as const;
      const timing = { dialTimeoutMs: 300, readTimeoutMs: 2_000 };
      const source = await openSource(
        { ...specs[type], timing },
        {
          clock: new NodeClock(),
          random: new NodeRandom(),
          env: {},
          embedded: () => {
            throw new Error('there is no member');
          },
        },
      );
      const error: unknown = await source
        .load(['/'], AbortSignal.timeout(5_000))
        .catch((reason: unknown) => reason);
      await source.close();
      expect(error).toMatchObject({ code: 'source' });
      expect(isUnreachable(error), String(error)).toBe(true);
    },
  );
});
