import { describe, expect, test } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { parseInitialCluster } from '../../../src/cluster/bootstrap.js';
import { formatId, tokenDigest } from '../../../src/cluster/identity.js';
import type { Member } from '../../../src/cluster/members.js';
import { type Log, silentLog } from '../../../src/io/log.js';
import { found } from '../../../src/member/founding.js';
import type { MemberOptions } from '../../../src/member/options.js';
import {
  type Description,
  type PeerRequest,
  type PeerResponse,
  Refusal,
} from '../../../src/proto/generated/peer.js';
import { VirtualClock } from '../../sim/clock.js';

const A = 'http://10.0.0.1:2380';
const B = 'http://10.0.0.2:2380';
const C = 'http://10.0.0.3:2380';
const D = 'http://10.0.0.4:2380';
const THREE = `a=${A},b=${B},c=${C}`;
const INSTANCE = 77n;

function optionsOf(
  name: string,
  initialCluster: string,
  clusterState: 'new' | 'existing' = 'new',
  url = A,
): MemberOptions {
  const clusterToken = 'tok';
  const peerUrls = [url];
  const cluster = parseInitialCluster({
    initialCluster,
    token: clusterToken,
    name,
    advertisePeerUrls: peerUrls,
  });
  return {
    folder: '/data',
    cluster,
    clusterGiven: true,
    clusterState,
    clusterToken,
    peerUrls,
    forceNewCluster: false,
    strictReconfigCheck: true,
    clientUrls: [],
    heartbeatMs: 100,
    hashCheckMs: 0,
    electionMs: 1_000,
    maxRequestBytes: 1,
    quotaBytes: 1,
    catchUpEntries: 1,
  };
}

const member = (id: bigint, name: string, url: string): Member => ({
  id,
  name,
  peerUrls: [url],
  clientUrls: [],
  isLearner: false,
});

/** Others on a network: what each URL answers, by the member that is asked about. */
class Others {
  readonly clock = new VirtualClock();
  readonly asked: { url: string; request: PeerRequest; atMs: number }[] = [];
  readonly told: string[] = [];
  readonly #answers = new Map<string, (about: bigint) => Partial<Description> | PeerResponse>();

  at(
    url: string,
    answer: Partial<Description> | PeerResponse | ((about: bigint) => Partial<Description>),
  ): this {
    this.#answers.set(url, typeof answer === 'function' ? answer : () => answer);
    return this;
  }

  get log(): Log {
    const tell = (fields: object, message: string) => {
      this.told.push(`${message} ${JSON.stringify(fields)}`);
    };
    return { ...silentLog, info: tell, warn: tell };
  }

  found(options: MemberOptions, instance = INSTANCE) {
    const network = {
      call: async (url: string, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> => {
        this.asked.push({ url, request, atMs: this.clock.monotonicMs() });
        const answer = this.#answers.get(url);
        if (answer === undefined) {
          await new Promise<void>((resolve) => {
            this.clock.schedule(timeoutMs, resolve);
          });
          throw new ConfetdError('unavailable', `nobody answers at ${url}`);
        }
        const about = request.kind?.$case === 'describe' ? request.kind.value.about : -1n;
        const given = answer(about);
        if ('refusal' in given) return given;
        const value = {
          clusterId: 0n,
          memberId: 1n,
          members: [],
          instance: 0n,
          removed: false,
          version: '',
          tokenDigest: tokenDigest('tok'),
          applied: 0,
          ...given,
        };
        return { refusal: Refusal.ADMITTED, error: undefined, kind: { $case: 'description', value } };
      },
    };
    return found(options, { network, clock: this.clock, log: this.log }, instance);
  }

  /** What it fails with. */
  async refusal(options: MemberOptions): Promise<{ code: string; message: string }> {
    try {
      await this.clock.until(this.found(options));
    } catch (error) {
      if (error instanceof ConfetdError) return { code: error.code, message: error.message };
      throw error;
    }
    throw new Error('it was not refused');
  }
}

describe('a first member of a new cluster', () => {
  test('alone, it asks nobody', async () => {
    const others = new Others();
    const founding = await others.clock.until(others.found(optionsOf('a', `a=${A}`)));
    expect(founding).toMatchObject({ joined: false, peers: [] });
    expect(founding.entries).toHaveLength(1);
    expect(others.asked).toEqual([]);
  });

  test('where nobody answers it begins, after one short wait for all', async () => {
    const others = new Others();
    const options = optionsOf('a', THREE);
    const founding = await others.clock.until(others.found(options));
    expect(founding).toMatchObject({
      joined: false,
      memberId: options.cluster.self.id,
      clusterId: options.cluster.clusterId,
    });
    expect(founding.entries.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(new Set(founding.peers.map(({ peerUrls }) => peerUrls[0]))).toEqual(new Set([B, C]));
    expect(others.clock.monotonicMs()).toBeLessThanOrEqual(2_000);
    const [first] = others.asked;
    expect(first?.request).toMatchObject({
      to: 0n,
      hello: { instance: INSTANCE, memberId: options.cluster.self.id, clusterId: options.cluster.clusterId },
      kind: { $case: 'describe', value: { about: options.cluster.self.id } },
    });
    expect(first?.request.hello?.tokenDigest.equals(tokenDigest('tok'))).toBe(true);
  });

  test('who is starting too, or fails, counts as nobody', async () => {
    const starting: PeerResponse = { refusal: Refusal.STARTING, error: undefined, kind: undefined };
    const broken: PeerResponse = {
      refusal: Refusal.ADMITTED,
      error: { code: 'internal', message: 'broken' },
      kind: undefined,
    };
    const others = new Others().at(B, starting).at(C, broken);
    const founding = await others.clock.until(others.found(optionsOf('a', THREE)));
    expect(founding.entries).toHaveLength(3);
  });

  test('others of the same cluster that have not met it are no obstacle', async () => {
    const options = optionsOf('a', THREE);
    const { clusterId } = options.cluster;
    const others = new Others().at(B, { clusterId }).at(C, { clusterId, instance: INSTANCE });
    expect((await others.clock.until(others.found(options))).entries).toHaveLength(3);
  });

  test('amnesia: an ID that was met with another folder may not begin again', async () => {
    const options = optionsOf('a', THREE);
    const { clusterId, self } = options.cluster;
    const others = new Others().at(C, { clusterId, instance: 5n });
    const { code, message } = await others.refusal(options);
    expect(code).toBe('data_folder');
    expect(message).toContain(`member ${formatId(self.id)} has already been bootstrapped: c has met it`);
    expect(message).toContain(`confetctl member remove ${formatId(self.id)}`);
  });

  test('a removed ID may not begin again', async () => {
    const options = optionsOf('a', THREE);
    const { clusterId } = options.cluster;
    const { message } = await new Others().at(B, { clusterId, removed: true }).refusal(options);
    expect(message).toContain('was removed from the cluster, says b');
  });

  test('an --initial-cluster or token that disagrees with another member’s', async () => {
    const options = optionsOf('a', THREE);
    const { message } = await new Others().at(B, { clusterId: 0xabcn }).refusal(options);
    expect(message).toContain(`the flags make cluster ${formatId(options.cluster.clusterId)}`);
    expect(message).toContain(`b at ${B} belongs to cluster abc`);
    expect(message).toContain('--initial-cluster-token');
  });
});

describe('a member that joins', () => {
  const members = [member(1n, 'a', A), member(2n, 'b', B), member(3n, 'c', C), member(9n, '', D)];
  const joiner = (initialCluster = `${THREE},d=${D}`) => optionsOf('d', initialCluster, 'existing', D);

  test('has the ID that the cluster gave it, no entries, and the others as peers', async () => {
    const others = new Others().at(B, { clusterId: 0xc1n, members });
    const founding = await others.clock.until(others.found(joiner()));
    expect(founding).toMatchObject({ memberId: 9n, clusterId: 0xc1n, joined: true, entries: [] });
    expect(founding.peers.map(({ id }) => id)).toEqual([1n, 2n, 3n]);
    expect(others.asked[0]?.request.hello).toMatchObject({ clusterId: 0n, memberId: 0n, instance: INSTANCE });
    expect(others.told).toEqual([]);
  });

  test('is found by all of its URLs, in any order', async () => {
    const E = 'http://10.0.0.5:2380';
    const rows = [member(1n, 'a', A), { ...member(9n, '', E), peerUrls: [E, D] }];
    const cluster = parseInitialCluster({
      initialCluster: `a=${A},d=${D},d=${E}`,
      token: 'tok',
      name: 'd',
      advertisePeerUrls: [D, E],
    });
    const options = { ...joiner(), cluster, peerUrls: [D, E] };
    const others = new Others().at(A, { clusterId: 0xc1n, members: rows });
    expect((await others.clock.until(others.found(options))).memberId).toBe(9n);
  });

  test('waits for somebody to answer, and says for whom', async () => {
    const others = new Others();
    others.clock.schedule(10_000, () => others.at(C, { clusterId: 0xc1n, members }));
    expect((await others.clock.until(others.found(joiner()))).memberId).toBe(9n);
    expect(others.told[0]).toContain('waiting for a member of the cluster');
    expect(others.told[0]).toContain(`b=${B}`);
  });

  test('does not wait for ever', async () => {
    const others = new Others();
    const { message } = await others.refusal(joiner());
    expect(message).toContain('could not retrieve cluster information from');
    expect(message).toContain(`c=${C}`);
    expect(others.clock.monotonicMs()).toBeGreaterThan(50_000);
    expect(others.clock.monotonicMs()).toBeLessThan(70_000);
    // With pauses that grow, and never all at once.
    expect(others.asked.length).toBeLessThan(120);
  });

  test('an answer of a member that knows nobody yet says nothing', async () => {
    const others = new Others().at(A, { clusterId: 0xc1n }).at(B, { clusterId: 0xc1n, members });
    expect((await others.clock.until(others.found(joiner()))).memberId).toBe(9n);
  });

  test('a member that is behind may still know a former one of these URLs: the newest answer counts', async () => {
    const before = [...members.slice(0, 3), member(8n, 'd', D)];
    const others = new Others()
      .at(A, { clusterId: 0xc1n, members: before, applied: 40 })
      .at(B, { clusterId: 0xc1n, members, applied: 50 })
      .at(C, { clusterId: 0xc1n, members: before, applied: 45 });
    expect((await others.clock.until(others.found(joiner()))).memberId).toBe(9n);
    // Removed there, and not added again yet.
    others.at(B, { clusterId: 0xc1n, members: members.slice(0, 3), applied: 50 });
    expect((await others.refusal(joiner())).message).toContain('b lists a=');
  });

  test('members that are behind get time to hear of it', async () => {
    const others = new Others().at(B, { clusterId: 0xc1n, members: members.slice(0, 3) });
    others.clock.schedule(3_000, () => others.at(B, { clusterId: 0xc1n, members }));
    expect((await others.clock.until(others.found(joiner()))).memberId).toBe(9n);
    expect(others.told[0]).toContain('waiting until the cluster knows of this member');
  });

  test('that was not added is told how', async () => {
    const others = new Others().at(B, { clusterId: 0xc1n, members: members.slice(0, 3) });
    const { code, message } = await others.refusal(joiner());
    expect(code).toBe('data_folder');
    expect(message).toContain('member count is unequal: --initial-cluster names 4, the cluster has 3');
    expect(message).toContain(`confetctl member add d --peer-urls=${D}`);
    expect(others.clock.monotonicMs()).toBeLessThan(10_000);
  });

  test('that was added with another URL is told what the cluster knows', async () => {
    const rows = [...members.slice(0, 3), member(9n, '', 'http://10.0.0.44:2380')];
    const { message } = await new Others().at(A, { clusterId: 0xc1n, members: rows }).refusal(joiner());
    expect(message).toContain('unmatched member while checking PeerURLs');
    expect(message).toContain('9=http://10.0.0.44:2380');
  });

  test('with another token than the cluster’s is refused', async () => {
    const others = new Others().at(B, { clusterId: 0xc1n, members, tokenDigest: tokenDigest('another') });
    const { code, message } = await others.refusal(joiner());
    expect(code).toBe('data_folder');
    expect(message).toBe(
      `the cluster of b at ${B} was made with another --initial-cluster-token: give this member the same`,
    );
  });

  test('that takes another member’s URL is refused', async () => {
    const rows = [member(1n, 'a', A), member(9n, 'old', D)];
    const { message } = await new Others().at(A, { clusterId: 0xc1n, members: rows }).refusal(joiner());
    expect(message).toContain(`${D} belongs to member old (9) of the cluster, but this one is --name d`);
  });

  test('amnesia: one whose folder was lost is refused here too', async () => {
    const others = new Others()
      .at(A, { clusterId: 0xc1n, members })
      .at(C, (about) => ({ clusterId: 0xc1n, members, instance: about === 9n ? 5n : 0n }));
    const { message } = await others.refusal(joiner());
    expect(message).toContain('member 9 has already been bootstrapped: c has met it');
  });

  test('whose flags name members of two clusters is refused with both', async () => {
    const others = new Others().at(A, { clusterId: 0xc1n, members }).at(B, { clusterId: 0xc2n, members });
    const { message } = await others.refusal(joiner());
    expect(message).toContain('members of different clusters');
    expect(message).toMatch(/\ba (belongs )?to c1\b/);
    expect(message).toMatch(/\bb (belongs )?to c2\b/);
  });

  test('whose --initial-cluster is out of date goes on, and says so', async () => {
    const others = new Others().at(B, { clusterId: 0xc1n, members });
    const founding = await others.clock.until(others.found(joiner(`b=${B},old=http://10.0.0.7:2380,d=${D}`)));
    expect(founding.memberId).toBe(9n);
    expect(founding.peers.map(({ id }) => id)).toEqual([1n, 2n, 3n]);
    expect(others.told[0]).toContain('--initial-cluster differs from the members');
  });

  test('that names nobody else can ask nobody', async () => {
    const { code, message } = await new Others().refusal(joiner(`d=${D}`));
    expect(code).toBe('usage');
    expect(message).toContain('--initial-cluster names nobody except d');
  });
});
