import { expect } from 'vitest';
import {
  HashKVRequest,
  KVService,
  MaintenanceService,
  RangeRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { Cluster } from '../../cluster.js';
import type { ClusterMember } from '../../cluster-member.js';
import { bytes } from '../../conformance/rpc.js';
import { eventually } from '../../daemon.js';
import { checkLinearizable } from '../../linearizability/check.js';
import { type Change, MemberHistory } from './member-history.js';
import type { Workload } from './workload.js';

/**
 * After a workload: its history is linearizable; every member that runs has every acknowledged write at the revision that
 * was answered, and all have the same history and hash, also as `live` watches were told it. Prints what it was worth.
 */
export async function verify(
  title: string,
  cluster: Cluster,
  workload: Workload,
  live: readonly MemberHistory[] = [],
): Promise<void> {
  const members = cluster.members.filter(({ running }) => running);
  const verdict = checkLinearizable(workload.history.operations);
  expect('explanation' in verdict ? verdict.explanation : verdict.verdict).toBe('linearizable');

  const newest = await newestRevision(members);
  const watches = [...live, ...(await Promise.all(members.map((member) => MemberHistory.open(member))))];
  const histories = await Promise.all(watches.map((watch) => watch.upTo(newest)));
  const [first] = histories;
  for (const [at, history] of histories.entries()) {
    expect([at, history.length]).toEqual([at, first?.length]);
    expect([at, history.findIndex((change, index) => !same(change, first?.[index]))]).toEqual([at, -1]);
  }
  const missing = workload.acknowledged.filter(
    ({ key, value, revision }) => !same(first?.[revision - 2], { key, value }),
  );
  expect(missing).toEqual([]);
  const hashes = await Promise.all(
    members.map((member) =>
      member.ask(MaintenanceService.hashKv, HashKVRequest.fromPartial({ revision: newest })),
    ),
  );
  expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
  tell(title, cluster, workload);
}

/** What a test of a fault prints. */
function tell(
  title: string,
  { kind, electionMs }: Cluster,
  { acknowledged, unknown, longestGapMs }: Workload,
): void {
  const gap = `${Math.round(longestGapMs)} ms (${(longestGapMs / electionMs).toFixed(1)} election timeouts)`;
  process.stderr.write(
    `${title} [${kind}]: ${acknowledged.length} writes acknowledged, ${unknown} of unknown outcome, none lost; longest time without a write ${gap}\n`,
  );
}

/** Of a linearizable read, once every member has it. */
async function newestRevision(members: readonly ClusterMember[]): Promise<number> {
  const revision = async (member: ClusterMember, serializable: boolean): Promise<number> => {
    const request = RangeRequest.fromPartial({ key: bytes('x'), serializable });
    return (await member.ask(KVService.range, request)).header?.revision ?? 0;
  };
  const [any] = members;
  if (any === undefined) throw new Error('no member to ask');
  const newest = await eventually(() => revision(any, false));
  for (const member of members) {
    await eventually(
      async () => {
        if ((await revision(member, true)) < newest) throw new Error('behind');
      },
      { what: () => `${member.name} is behind revision ${newest}:\n${member.process?.output ?? ''}` },
    );
  }
  return newest;
}

function same(one: Change | undefined, other: Change | undefined): boolean {
  return one !== undefined && one.key === other?.key && one.value === other.value;
}
