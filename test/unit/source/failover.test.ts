import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../../src/client/client.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { EtcdV3Source } from '../../../src/source/etcdv3.js';
import { EtcdCluster, type EtcdMember } from '../../etcd-cluster.js';
import { peer } from '../../peers.js';
import { Recorder } from './recorder.js';

const ports = { clock: new NodeClock(), random: new NodeRandom() };
const bytes = (text: string) => Buffer.from(text, 'utf8');

/** Writes as fast as it is answered, until it is stopped. What fails may have happened, and is not repeated. */
class Writer {
  written = 0;
  #stopped = false;
  readonly #client: Client;
  readonly #done: Promise<void>;

  constructor(endpoints: readonly string[]) {
    this.#client = new Client({ ...ports, endpoints, requestTimeoutMs: 1_000 });
    this.#done = this.#run();
  }

  /** Resolves after so many more answers. */
  async more(count: number): Promise<void> {
    for (const until = this.written + count; this.written < until; ) {
      await new Promise((wake) => setTimeout(wake, 5));
    }
  }

  /** Answers the revision after the last write. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#done;
    const { header } = await this.#client.range({ key: bytes('/x') });
    this.#client.close();
    return header?.revision ?? 0;
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      try {
        await this.#client.put({ key: bytes(`/k/${n % 50}`), value: bytes(String(n)) });
        this.written++;
      } catch {
        // Nobody leads for a moment.
      }
    }
  }
}

describe.skipIf(peer('etcd') === undefined)('failing over in a cluster of three', () => {
  let cluster: EtcdCluster;
  let source: EtcdV3Source;
  let recorder: Recorder;

  beforeEach(async () => {
    cluster = await EtcdCluster.start();
    source = new EtcdV3Source({ ...ports, endpoints: cluster.endpoints });
    recorder = new Recorder();
    source.follow([''], recorder);
    await recorder.until(() => recorder.finds.length === 1);
  });

  afterEach(async () => {
    await source?.close();
    await cluster?.stop();
  });

  const followed = (): EtcdMember => cluster.member(recorder.finds.at(-1));
  const others = (member: EtcdMember): string[] =>
    cluster.endpoints.filter((endpoint) => endpoint !== member.endpoint);

  /** Each revision up to the last was told once and in order, out of one snapshot. */
  async function complete(last: number): Promise<void> {
    await recorder.until(() => recorder.revision >= last);
    expect(recorder.snapshots).toHaveLength(1);
    const first = (recorder.snapshots[0]?.revision ?? 0) + 1;
    expect(recorder.revisions).toEqual(Array.from({ length: last - first + 1 }, (_, at) => first + at));
  }

  test('kill -9 of the member that is watched, each in turn, in the middle of writes: every revision once', async () => {
    const writer = new Writer(cluster.endpoints);
    for (let round = 1; round <= 3; round++) {
      await writer.more(100);
      const member = followed();
      await member.kill();
      await recorder.until(() => recorder.finds.length > round && followed() !== member);
      await writer.more(100);
      member.start();
      await member.healthy();
    }
    await complete(await writer.stop());
    expect(recorder.losses).toHaveLength(3);
  });

  test('a member that hangs is left within seconds, one that lags is waited for: never backwards', async () => {
    const [a, b, c] = cluster.members;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three members');
    await source.close();
    recorder = new Recorder();
    // Only a and b are asked.
    source = new EtcdV3Source({ ...ports, endpoints: [a.endpoint, b.endpoint] });
    source.follow([''], recorder);
    await recorder.until(() => recorder.finds.length === 1);
    expect(followed()).toBe(a);
    const writer = new Writer([c.endpoint]);
    await writer.more(50);
    a.freeze();
    const froze = Date.now();
    await recorder.until(() => recorder.finds.length > 1);
    expect(Date.now() - froze).toBeLessThan(15_000);
    expect(followed()).toBe(b);
    await writer.more(300);
    const last = await writer.stop();
    await recorder.until(() => recorder.revision >= last);
    // Now a answers again, without any of that, and b doesn't.
    cluster.isolate(a);
    a.thaw();
    await b.kill();
    await recorder.until(() => recorder.losses.length === 2);
    await new Promise((wake) => setTimeout(wake, 1_000));
    expect([recorder.finds.length, recorder.snapshots.length, recorder.revision]).toEqual([2, 1, last]);
    cluster.heal();
    await recorder.until(() => recorder.finds.length > 2);
    expect(followed()).toBe(a);
    const again = new Writer([c.endpoint]);
    await again.more(50);
    await complete(await again.stop());
  });

  test('a member that is cut off from its leader is left for one that is not, and nothing is missed', async () => {
    const member = followed();
    const writer = new Writer(others(member));
    await writer.more(50);
    cluster.isolate(member);
    await recorder.until(() => recorder.finds.length > 1);
    expect(followed()).not.toBe(member);
    await writer.more(50);
    await complete(await writer.stop());
    expect(recorder.losses[0]).toMatch(/no leader|leader changed|timed out/);
    // Whoever begins at the one that is cut off gets the present all the same.
    const late = new EtcdV3Source({ ...ports, endpoints: [member.endpoint, ...others(member)] });
    const { revision } = await late.load([''], AbortSignal.timeout(10_000));
    expect(revision).toBe(recorder.revision);
    await late.close();
  });
});
