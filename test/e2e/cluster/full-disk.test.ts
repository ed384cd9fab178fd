import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KVService, MaintenanceService, StatusRequest } from '../../../src/proto/generated/etcd_rpc.js';
import { Cluster, PATIENCE_MS } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { put } from '../../conformance/rpc.js';
import { scratch } from '../../daemon.js';
import { channelTo, unary } from '../../unary.js';
import { verify } from './verify.js';
import { Workload } from './workload.js';

/** A folder of its own size, so that it can be full; undefined, with a printed reason, where none can be made. */
function smallDisk(megabytes: number): string | undefined {
  const folder = join(scratch(), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    process.stderr.write('skipped: a full disk needs root and the right to mount a tmpfs\n');
    return undefined;
  }
}

const disk = smallDisk(300);

describe.skipIf(disk === undefined)('a full disk of the leader', { timeout: PATIENCE_MS }, () => {
  const mounted = disk ?? '';
  let cluster: Cluster;
  afterAll(async () => {
    await cluster?.close();
    execFileSync('umount', ['-l', mounted]);
  });

  test('it steps down, the others go on; with room again it comes back', async () => {
    cluster = await Cluster.start({
      dataDir: (name) => (name === 'm1' ? join(mounted, 'data') : undefined),
    });
    const full = cluster.member('m1');
    const leader = await cluster.leader();
    if (leader !== full) {
      await leader.ask(MaintenanceService.moveLeader, { targetID: await cluster.idOf(full, leader) });
    }
    expect(await cluster.settled()).toBe(full);
    const workload = await new Workload(cluster).start();
    fillUp(mounted);
    // Large ones, so that it needs room soon.
    const channel = channelTo(full.endpoint);
    for (let number = 0; number < 1_000 && (await leads(full)); number++) {
      await unary(channel, KVService.put, put(`/large/${number % 10}`, 'x'.repeat(300_000)), 2_000);
    }
    channel.close();
    expect(await leads(full), 'the disk was never full').toBe(false);
    expect(full.process?.output).toMatch(/no space left|too full|no room/i);
    expect(full.process?.output).not.toContain('Node.js v');
    expect(cluster.others(full)).toContain(await cluster.settled(cluster.others(full)));
    await workload.writes(200);

    rmSync(join(mounted, 'filler'));
    // What a failed write of the log left behind can't be known: then it has ended.
    if (!full.running) await full.restart();
    await cluster.settled();
    await workload.writes(100);
    await workload.stop();
    await verify('a full disk of the leader', cluster, workload);
  });
});

/** It runs, and says so itself. */
async function leads(member: ClusterMember): Promise<boolean> {
  const answered = await member.outcome(MaintenanceService.status, StatusRequest.create(), 2_000);
  return 'response' in answered && answered.response.leader === answered.response.header?.memberId;
}

function fillUp(folder: string): void {
  const megabyte = Buffer.alloc(2 ** 20);
  try {
    for (;;) appendFileSync(join(folder, 'filler'), megabyte);
  } catch {
    // Full: that was the point.
  }
}
