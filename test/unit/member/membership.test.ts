import { beforeEach, describe, expect, test } from 'vitest';
import { memberId } from '../../../src/cluster/identity.js';
import type { Member } from '../../../src/cluster/members.js';
import { Membership, type MembershipPorts } from '../../../src/member/membership.js';
import {
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import { MemberChange_Kind as Kind, type MemberChange } from '../../../src/proto/generated/member.js';
import type { PeerRequest, PeerResponse } from '../../../src/proto/generated/peer.js';
import type { FollowerStatus, RaftStatus } from '../../../src/raft/rawnode.js';
import { VirtualClock } from '../../sim/clock.js';

const NOT_ENOUGH = 'etcdserver: re-configuration failed due to not enough started members';
const UNHEALTHY = 'etcdserver: unhealthy cluster';
const SELF = 1n;

/** A leader's view of a cluster, which the tests shape. */
class Scene implements MembershipPorts {
  readonly identity = { memberId: SELF, clusterId: 9n, name: 'm1' };
  readonly token = 'tok';
  readonly clock = new VirtualClock();
  strictReconfigCheck = true;
  leader = SELF;
  table: Member[] = [];
  readonly removed = new Set<bigint>();
  /** Since when; missing: not connected. */
  readonly active = new Map<bigint, number>();
  readonly match = new Map<bigint, number>();
  readonly proposed: MemberChange[] = [];
  readonly asked: PeerRequest['kind'][] = [];
  answer: PeerResponse | undefined;
  gate: Promise<void> = Promise.resolve();

  constructor(...members: Member[]) {
    this.table = members;
    for (const { id } of members) if (id !== SELF) this.active.set(id, 0);
  }

  async linearizable(): Promise<void> {}

  status(): RaftStatus {
    const progress = this.table.map(({ id, isLearner }): FollowerStatus => {
      const match = this.match.get(id) ?? 0;
      const rest = {
        next: match + 1,
        pendingSnapshot: 0,
        recentActive: true,
        inflightMessages: 0,
        inflightBytes: 0,
      };
      return { id, isLearner, state: 'replicate', match, ...rest };
    });
    const confState = { voters: [], learners: [] };
    const log = { term: 2, vote: 0n, commit: 9, applied: 9, lastIndex: 9, confState };
    return { id: SELF, leader: this.leader, role: 'leader', ...log, progress };
  }

  members(): readonly Member[] {
    return this.table;
  }

  isRemoved(id: bigint): boolean {
    return this.removed.has(id);
  }

  activeSince(id: bigint): number | undefined {
    return this.active.get(id);
  }

  async propose(change: MemberChange): Promise<readonly Member[]> {
    await this.gate;
    this.proposed.push(change);
    const { kind, member } = change;
    if (member !== undefined) {
      const others = this.table.filter(({ id }) => id !== member.id);
      this.table = kind === Kind.REMOVE ? others : [...others, member];
    }
    return this.table;
  }

  async askLeader(request: PeerRequest['kind']): Promise<PeerResponse | undefined> {
    this.asked.push(request);
    return this.answer;
  }
}

const started = (id: bigint): Member => ({ ...unstarted(id), name: `m${id}` });
const unstarted = (id: bigint): Member => ({
  id,
  name: '',
  peerUrls: [`http://10.0.0.${id}:2380`],
  clientUrls: [],
  isLearner: false,
});
const learner = (id: bigint): Member => ({ ...unstarted(id), isLearner: true });
const adding = (url = 'http://10.0.0.9:2380', isLearner = false) =>
  MemberAddRequest.fromPartial({ peerURLs: [url], isLearner });
const removing = (ID: bigint) => MemberRemoveRequest.fromPartial({ ID });
const promoting = (ID: bigint) => MemberPromoteRequest.fromPartial({ ID });

/** Resolves with the sentence of a refusal; '' where there is none. */
const refusal = (made: Promise<unknown>): Promise<string> =>
  made.then(
    () => '',
    (error: Error) => error.message,
  );

let scene: Scene;
let membership: Membership;
async function cluster(...members: Member[]): Promise<void> {
  scene = new Scene(...members);
  membership = new Membership(scene);
  // Everybody has been connected for long.
  await scene.clock.advance(60_000);
}

describe('adding', () => {
  beforeEach(() => cluster(started(1n), started(2n), started(3n)));

  test('makes an ID of the URLs, the token and the second, as etcd', async () => {
    const { member, members } = await membership.add(adding());
    const seconds = Math.floor(scene.clock.wallMs() / 1_000);
    expect(member?.ID).toBe(memberId(['http://10.0.0.9:2380'], 'tok', seconds));
    expect(member).toMatchObject({ name: '', peerURLs: ['http://10.0.0.9:2380'], isLearner: false });
    expect(members.map(({ ID }) => ID)).toContain(member?.ID);
    expect(scene.proposed).toMatchObject([{ kind: Kind.ADD, id: undefined }]);
  });

  test('again within the second of a removal it is another one', async () => {
    const first = await membership.add(adding());
    const id = first.member?.ID ?? 0n;
    scene.removed.add(id);
    scene.table = scene.table.filter((member) => member.id !== id);
    const second = await membership.add(adding());
    expect(second.member?.ID).not.toBe(id);
  });

  test.each([[], ['nonsense'], ['http://x'], ['http://a:1', 'http://b:1/p']])(
    'URLs that nobody can reach are refused: %j',
    async (...peerURLs) => {
      const request = MemberAddRequest.fromPartial({ peerURLs: peerURLs.flat() });
      expect(await refusal(membership.add(request))).toBe('etcdserver: given member URLs are invalid');
      const update = MemberUpdateRequest.fromPartial({ ID: 1n, peerURLs: peerURLs.flat() });
      expect(await refusal(membership.update(update))).toBe('etcdserver: given member URLs are invalid');
      expect(scene.proposed).toEqual([]);
    },
  );

  test('a taken URL is refused before it costs an entry', async () => {
    expect(await refusal(membership.add(adding('http://10.0.0.2:2380')))).toBe(
      'etcdserver: Peer URLs already exists',
    );
    expect(scene.proposed).toEqual([]);
  });

  test('unless all voters have been connected for five seconds the cluster is unhealthy', async () => {
    scene.active.set(3n, scene.clock.monotonicMs() - 4_999);
    expect(await refusal(membership.add(adding()))).toBe(UNHEALTHY);
    await scene.clock.advance(1);
    expect(await refusal(membership.add(adding()))).toBe('');
    scene.active.delete(2n);
    expect(await refusal(membership.add(adding('http://10.0.0.8:2380')))).toBe(UNHEALTHY);
  });

  test('a learner may come while a voter is down', async () => {
    scene.active.delete(3n);
    expect(await refusal(membership.add(adding()))).toBe(UNHEALTHY);
    expect(await refusal(membership.add(adding(undefined, true)))).toBe('');
  });

  test('a second one while the first has not started would risk the quorum', async () => {
    await cluster(started(1n), started(2n), unstarted(3n), unstarted(4n));
    expect(await refusal(membership.add(adding()))).toBe(NOT_ENOUGH);
    // A learner risks nothing.
    expect(await refusal(membership.add(adding(undefined, true)))).toBe('');
  });

  test('1 → 2 is allowed, 2 → 3 only once the second has started', async () => {
    await cluster(started(1n));
    expect(await refusal(membership.add(adding()))).toBe('');
    expect(await refusal(membership.add(adding('http://10.0.0.8:2380')))).toBe(NOT_ENOUGH);
  });

  test('without strict-reconfig-check anything goes', async () => {
    await cluster(started(1n), unstarted(2n), unstarted(3n));
    scene.active.clear();
    scene.strictReconfigCheck = false;
    expect(await refusal(membership.add(adding()))).toBe('');
  });
});

describe('removing', () => {
  test('a dead member goes where the others are a quorum', async () => {
    await cluster(started(1n), started(2n), started(3n));
    scene.active.delete(3n);
    expect(await refusal(membership.remove(removing(3n)))).toBe('');
    expect(scene.table.map(({ id }) => id)).toEqual([1n, 2n]);
  });

  test('a live one does not go while another is down', async () => {
    await cluster(started(1n), started(2n), started(3n));
    scene.active.delete(3n);
    expect(await refusal(membership.remove(removing(2n)))).toBe(UNHEALTHY);
    expect(await refusal(membership.remove(removing(1n)))).toBe(UNHEALTHY);
  });

  test('not where too few of the rest have started', async () => {
    await cluster(started(1n), started(2n), unstarted(3n));
    expect(await refusal(membership.remove(removing(2n)))).toBe(NOT_ENOUGH);
    expect(await refusal(membership.remove(removing(3n)))).toBe('');
  });

  test('the last member stays', async () => {
    await cluster(started(1n));
    expect(await refusal(membership.remove(removing(1n)))).toBe(NOT_ENOUGH);
    scene.strictReconfigCheck = false;
    expect(await refusal(membership.remove(removing(1n)))).toContain('last voting member');
  });

  test('a learner always goes; nobody is not found', async () => {
    await cluster(started(1n), unstarted(2n), learner(4n));
    expect(await refusal(membership.remove(removing(4n)))).toBe('');
    await cluster(started(1n), started(2n));
    expect(await refusal(membership.remove(removing(7n)))).toBe('etcdserver: member not found');
  });
});

describe('promoting', () => {
  test('a learner is ready at nine tenths of the leader’s log, not before', async () => {
    await cluster(started(1n), learner(4n));
    scene.match.set(1n, 1_000);
    scene.match.set(4n, 899);
    expect(await refusal(membership.promote(promoting(4n)))).toBe(
      'etcdserver: can only promote a learner member which is in sync with leader',
    );
    scene.match.set(4n, 900);
    expect(await refusal(membership.promote(promoting(4n)))).toBe('');
    expect(scene.proposed).toMatchObject([{ kind: Kind.PROMOTE, member: { id: 4n } }]);
  });

  test('what is not a learner', async () => {
    await cluster(started(1n), started(2n));
    expect(await refusal(membership.promote(promoting(2n)))).toBe(
      'etcdserver: can only promote a learner member',
    );
    expect(await refusal(membership.promote(promoting(7n)))).toBe('etcdserver: member not found');
  });

  test('counts started members, the learner among them', async () => {
    await cluster(started(1n), unstarted(2n), unstarted(3n), learner(4n));
    expect(await refusal(membership.promote(promoting(4n)))).toBe(NOT_ENOUGH);
    await cluster(started(1n), unstarted(2n), learner(4n));
    expect(await refusal(membership.promote(promoting(4n)))).toBe('');
  });
});

describe('who decides', () => {
  beforeEach(() => cluster(started(1n), started(2n), started(3n)));

  test('a follower checks nothing but the URLs and asks the leader, with the ID made', async () => {
    scene.leader = 2n;
    scene.active.clear();
    scene.answer = {
      refusal: 0,
      error: undefined,
      kind: { $case: 'membersChanged', value: { member: undefined, members: [started(2n)] } },
    };
    const { members, member } = await membership.add(adding());
    expect(members).toMatchObject([{ ID: 2n, name: 'm2' }]);
    expect(scene.asked).toMatchObject([
      { $case: 'changeMembers', value: { kind: Kind.ADD, member: { id: member?.ID } } },
    ]);
    expect(scene.proposed).toEqual([]);
  });

  test('a follower that leads by now decides itself', async () => {
    scene.leader = 0n;
    const asked = membership.add(adding());
    scene.leader = SELF;
    expect((await asked).members).toHaveLength(4);
  });

  test('who leads no more refuses what another member passed on', async () => {
    scene.leader = 3n;
    const change = { id: undefined, kind: Kind.REMOVE, member: started(2n) };
    expect(await refusal(membership.change(change))).toBe('etcdserver: leader changed');
  });

  test('changes are made one after the other, each checked after the one before', async () => {
    let open = (): void => undefined;
    scene.gate = new Promise((resolve) => {
      open = resolve;
    });
    const both = [
      membership.add(adding(undefined, true)),
      membership.add(adding('http://10.0.0.8:2380', true)),
    ];
    open();
    const [first, second] = await Promise.allSettled(both);
    expect(first?.status).toBe('fulfilled');
    expect(second).toMatchObject({ reason: { message: 'etcdserver: too many learner members in cluster' } });
    expect(scene.proposed).toHaveLength(1);
  });

  test('only so many wait', async () => {
    scene.gate = new Promise(() => undefined);
    const change = { id: undefined, kind: Kind.REMOVE, member: started(3n) };
    for (let at = 0; at < 16; at++) void membership.change(change);
    expect(await refusal(membership.change(change))).toBe('etcdserver: too many requests');
  });

  test('a change says which member it was about, and who is left', async () => {
    const removed = await membership.change({ id: undefined, kind: Kind.REMOVE, member: started(3n) });
    expect(removed.member).toEqual(started(3n));
    expect(removed.members.map(({ id }) => id)).toEqual([1n, 2n]);
  });
});
