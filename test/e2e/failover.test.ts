import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { NodeClock } from '../../src/io/node/clock.js';
import { NodeRandom } from '../../src/io/node/random.js';
import type { Child } from '../child.js';
import { claimPort, confetctl, eventually, fileThat, scratch, spawnConfetd, writeFiles } from '../daemon.js';
import { EtcdCluster, type EtcdMember } from '../etcd-cluster.js';
import { peer } from '../peers.js';

interface SourceStatus {
  readonly source_state: string;
  readonly source_where: string;
  readonly source_since: string;
  readonly source_error: string;
  readonly resources: readonly { readonly state: string; readonly swaps: number }[];
}

describe.skipIf(peer('etcd') === undefined)('a daemon that renders from a cluster of three', () => {
  const folder = scratch();
  const values: string[] = [];
  let cluster: EtcdCluster;
  let daemon: Child;
  let endpoint: string;
  let client: Client;

  beforeAll(async () => {
    cluster = await EtcdCluster.start();
    client = new Client({
      endpoints: cluster.endpoints,
      clock: new NodeClock(),
      random: new NodeRandom(),
      requestTimeoutMs: 1_500,
    });
    writeFiles(folder, {
      'templates/app.hbs': '{{#each (gets "/app/*") as |pair|}}{{pair.value}}{{/each}}\n',
      'conf.d/app.toml': `[template]
src = "app.hbs"
dest = "${folder}/app.out"
keys = ["/app"]
reload_cmd = "cat ${folder}/app.out >> ${folder}/reloads"
`,
    });
    endpoint = `127.0.0.1:${await claimPort()}`;
    // One of them twice, and one by name: what people write.
    const nodes = [...cluster.endpoints.map((each) => `http://${each}`), cluster.endpoints[0] ?? ''];
    daemon = spawnConfetd([
      ...['--backend', 'etcdv3', ...nodes.flatMap((node) => ['--node', node])],
      ...['--confdir', folder, '--state-dir', join(folder, 'state')],
      ...['--listen-client-urls', `http://${endpoint}`],
    ]);
    await put('first');
    await rendered();
  });

  afterAll(async () => {
    await daemon?.end('SIGKILL');
    client?.close();
    await cluster?.stop();
  });

  /** Until it is answered: the same value twice changes no file, so that it causes no reload. */
  async function put(value: string): Promise<void> {
    values.push(value);
    await eventually(() => client.put({ key: Buffer.from('/app/v'), value: Buffer.from(value) }), {
      what: () => `put ${value}`,
    });
  }

  const reloads = (): string[] =>
    existsSync(join(folder, 'reloads'))
      ? readFileSync(join(folder, 'reloads'), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];

  /** The file is what the last put says, and each value was loaded once, in order. */
  async function rendered(timeoutMs = 15_000): Promise<void> {
    const patience = { timeoutMs, what: () => daemon.output };
    await fileThat(join(folder, 'app.out'), (text) => text === `${values.at(-1)}\n`, patience);
    await fileThat(join(folder, 'reloads'), () => reloads().length >= values.length, patience);
    expect(reloads()).toEqual(values);
  }

  async function status(): Promise<SourceStatus> {
    const { stdout } = await confetctl(['--endpoints', endpoint, 'render', 'status', '-w', 'json']);
    return JSON.parse(stdout) as SourceStatus;
  }

  /** Resolves once the daemon follows another member than this one. */
  function left(member: EtcdMember): Promise<EtcdMember> {
    return eventually(
      async () => {
        const { source_state, source_where } = await status();
        if (source_state !== 'connected') throw new Error(`it is ${source_state}`);
        const now = cluster.members.find((each) => source_where.endsWith(each.endpoint));
        if (now === undefined || now === member) throw new Error(`it follows ${source_where}`);
        return now;
      },
      { timeoutMs: 15_000, what: () => daemon.output },
    );
  }

  async function followed(): Promise<EtcdMember> {
    const { source_where } = await status();
    const member = cluster.members.find((each) => source_where.endsWith(each.endpoint));
    if (member === undefined) throw new Error(`nobody is ${source_where}`);
    return member;
  }

  test('kill -9 of the member that it follows: the next one goes on, and no change means no reload', async () => {
    const member = await followed();
    await member.kill();
    await left(member);
    expect(reloads()).toEqual(values);
    await put('after a kill');
    await rendered();
    member.start();
    await member.healthy();
  });

  test('a member that is cut off from the others', async () => {
    const member = await followed();
    cluster.isolate(member);
    await put('told by the others');
    await rendered();
    expect(await left(member)).not.toBe(member);
    cluster.heal();
    await cluster.healthy();
  });

  test('a member that hangs', async () => {
    const member = await followed();
    member.freeze();
    await put('while one hangs');
    await rendered();
    member.thaw();
    await cluster.healthy();
  });

  test('all of them gone: the file stays, the status says since when; back again, it catches up by itself', async () => {
    await Promise.all(cluster.members.map((member) => member.kill()));
    const lost = await eventually(async () => {
      const now = await status();
      if (now.source_state !== 'lost') throw new Error(now.source_state);
      return now;
    });
    expect(lost.source_error).not.toBe('');
    expect(Date.now() - Date.parse(lost.source_since)).toBeLessThan(10_000);
    expect(lost.resources).toMatchObject([{ state: 'in_sync', swaps: values.length }]);
    expect(readFileSync(join(folder, 'app.out'), 'utf8')).toBe(`${values.at(-1)}\n`);
    for (const member of cluster.members) member.start();
    await cluster.healthy();
    await put('all are back');
    await rendered();
    // A line each way for each spell, and no more.
    const lines = daemon.output.split('\n');
    const count = (text: string): number => lines.filter((line) => line.includes(text)).length;
    expect(count('the source is lost')).toBe(count('the source is back'));
    expect(count('the source is lost')).toBeLessThanOrEqual(6);
  });
});
