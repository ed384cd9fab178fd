import { expect } from 'vitest';
import * as mvcc from '../../../src/proto/generated/etcd_kv.js';
import {
  HashKVRequest,
  KVService,
  MaintenanceService,
  RangeRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { Cluster, ClusterMember } from '../../cluster.js';
import { bytes, Rpc } from '../../conformance/rpc.js';
import { eventually } from '../../daemon.js';
import { checkLinearizable } from '../../linearizability/check.js';
import type { Value } from '../../linearizability/types.js';
import type { Workload } from './workload.js';

/** A change as a watch tells it. */
interface Change {
  readonly key: string;
  readonly value: Value;
}

/**
 * After a workload: its history is linearizable; every member (unless given: those that run) has every acknowledged write
 * at the revision that was answered, and all have the same history and hash. Prints what it was worth.
 */
export async function verify(
  title: string,
  cluster: Cluster,
  workload: Workload,
  among?: readonly ClusterMember[],
): Promise<void> {
  const members = among ?? cluster.members.filter(({ running }) => running);
  const verdict = checkLinearizable(workload.history.operations);
  expect('explanation' in verdict ? verdict.explanation : verdict.verdict).toBe('linearizable');

  const newest = await newestRevision(members);
  const histories = await Promise.all(members.map((member) => historyOf(member, newest)));
  const [first] = histories;
  for (const [at, history] of histories.entries()) {
    const name = members[at]?.name;
    expect([name, history.length]).toEqual([name, first?.length]);
    expect([name, history.findIndex((change, index) => !same(change, first?.[index]))]).toEqual([name, -1]);
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

/** Everything that ever happened, from revision 2 on; each revision once, for no transaction here writes two keys. */
async function historyOf(member: ClusterMember, newest: number): Promise<Change[]> {
  const rpc = new Rpc(member.endpoint);
  try {
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('\0'), rangeEnd: bytes('\0'), startRevision: 1 });
    const events = (): mvcc.Event[] => watching.events(watchId);
    await watching.that(() => ((events().at(-1)?.kv?.modRevision ?? 0) >= newest ? true : undefined), 20_000);
    const all = events().filter(({ kv }) => (kv?.modRevision ?? 0) <= newest);
    expect([member.name, all.findIndex(({ kv }, at) => kv?.modRevision !== at + 2)]).toEqual([
      member.name,
      -1,
    ]);
    return all.map(({ type, kv }) => ({
      key: kv?.key.toString('latin1') ?? '',
      value: type === mvcc.Event_EventType.DELETE ? null : (kv?.value.toString('latin1') ?? ''),
    }));
  } finally {
    rpc.close();
  }
}

function same(one: Change | undefined, other: Change | undefined): boolean {
  return one !== undefined && one.key === other?.key && one.value === other.value;
}
