import { afterEach, describe, expect, test } from 'vitest';
import { KVService } from '../../../src/proto/generated/etcd_rpc.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import { put, range } from '../../conformance/rpc.js';
import { channelTo, unary } from '../../unary.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

describe('SIGSTOP of the leader', { timeout: PATIENCE_MS }, () => {
  let cluster: Cluster;
  afterEach(() => cluster?.close());

  test('woken again it serves no stale linearizable read, and nothing acknowledged is lost (etcd #20418)', async () => {
    cluster = await Cluster.start();
    const workload = await new Workload(cluster).start();
    const old = await cluster.leader();
    await old.ask(KVService.put, put('/pause', 'before'));
    const channel = channelTo(old.endpoint);
    const read = (): Promise<string> => readValue(channel, '/pause');
    expect(await read()).toBe('before');

    old.pause();
    const leader = await cluster.leader();
    expect(leader).not.toBe(old);
    await leader.ask(KVService.put, put('/pause', 'after'));
    await workload.writes(200);
    // They wait in its socket, and are the first that it sees: before any message of the others.
    const asked = Array.from({ length: 50 }, read);
    const writes = Array.from({ length: 5 }, (_, at) =>
      unary(channel, KVService.put, put(`/pause/${at}`, 'late'), 5_000),
    );
    // A connected channel has written them after a turn or two.
    await new Promise((wake) => setTimeout(wake, 50));
    old.resume();
    const answers = await Promise.all(asked);
    expect(answers.filter((answer) => answer !== 'after' && !answer.startsWith('failed'))).toEqual([]);
    // What it was asked to write while it slept it may refuse; what it acknowledges is there.
    for (const [at, answer] of (await Promise.all(writes)).entries()) {
      if (!('response' in answer)) continue;
      const { kvs } = await leader.ask(KVService.range, range(`/pause/${at}`));
      expect(kvs[0]?.value.toString()).toBe('late');
    }
    await cluster.settled();
    expect(await read()).toBe('after');
    await workload.writes(200);
    await workload.stop();
    channel.close();
    await verify('SIGSTOP of the leader', cluster, workload);
  });
});

async function readValue(channel: Parameters<typeof unary>[0], key: string): Promise<string> {
  const answered = await unary(channel, KVService.range, range(key), 5_000);
  if (!('response' in answered)) return `failed: ${answered.details}`;
  return answered.response.kvs[0]?.value.toString() ?? '';
}
