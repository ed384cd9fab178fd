import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memberChangeFault } from '../../../src/cluster/member-rules.js';
import type { Member } from '../../../src/cluster/members.js';
import { MemberChange_Kind as Kind } from '../../../src/proto/generated/member.js';

const member = (id: bigint, url = `http://10.0.0.${id}:2380`, isLearner = false): Member => ({
  id,
  name: `m${id}`,
  peerUrls: [url],
  clientUrls: [],
  isLearner,
});
const voters = [member(1n), member(2n), member(3n)];
const withLearner = [...voters, member(4n, undefined, true)];

function fault(members: readonly Member[], kind: Kind, wanted: Member, removed: readonly bigint[] = []) {
  const view = { members, isRemoved: (id: bigint) => removed.includes(id) };
  return memberChangeFault(view, { id: undefined, kind, member: wanted })?.message;
}

describe('what can’t be, in etcd’s words', () => {
  test.each<[string, readonly Member[], Kind, Member, string]>([
    ['an ID that is there', voters, Kind.ADD, member(1n, 'http://x:1'), 'member ID already exist'],
    ['a URL that is taken', voters, Kind.ADD, member(9n, 'http://10.0.0.2:2380'), 'Peer URLs already exists'],
    ['a second learner', withLearner, Kind.ADD, member(5n, 'http://x:1', true), 'too many learner members'],
    ['removing nobody', voters, Kind.REMOVE, member(9n), 'member not found'],
    ['updating nobody', voters, Kind.UPDATE, member(9n), 'member not found'],
    ['a URL of another', voters, Kind.UPDATE, member(1n, 'http://10.0.0.2:2380'), 'Peer URLs already exists'],
    ['promoting nobody', voters, Kind.PROMOTE, member(9n), 'member not found'],
    ['promoting a voter', voters, Kind.PROMOTE, member(1n), 'can only promote a learner member'],
    [
      'the last voter',
      [member(1n), member(4n, 'http://x:1', true)],
      Kind.REMOVE,
      member(1n),
      'last voting member',
    ],
  ])('%s', (_what, members, kind, wanted, sentence) => {
    expect(fault(members, kind, wanted)).toContain(sentence);
  });

  test.each([Kind.ADD, Kind.REMOVE, Kind.UPDATE, Kind.PROMOTE])(
    'an ID that was removed (kind %i)',
    (kind) => {
      expect(fault(voters, kind, member(9n), [9n])).toBe('etcdserver: member not found');
    },
  );
});

test('what can be', () => {
  expect(fault(voters, Kind.ADD, member(9n))).toBeUndefined();
  expect(fault(withLearner, Kind.ADD, member(9n))).toBeUndefined();
  expect(fault(voters, Kind.ADD, member(9n, undefined, true))).toBeUndefined();
  expect(fault(voters, Kind.REMOVE, member(2n))).toBeUndefined();
  expect(fault(withLearner, Kind.REMOVE, member(4n))).toBeUndefined();
  expect(fault(voters, Kind.UPDATE, member(2n))).toBeUndefined();
  expect(fault(voters, Kind.UPDATE, member(2n, 'http://new:1'))).toBeUndefined();
  expect(fault(withLearner, Kind.PROMOTE, member(4n))).toBeUndefined();
});

test('in any order of changes there is a voter, one learner at most, and no URL twice', () => {
  const change = fc.record({
    kind: fc.constantFrom(Kind.ADD, Kind.REMOVE, Kind.UPDATE, Kind.PROMOTE),
    id: fc.bigInt(1n, 6n),
    url: fc.integer({ min: 1, max: 6 }),
    isLearner: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      let members: readonly Member[] = [member(1n)];
      const removed: bigint[] = [];
      for (const { kind, id, url, isLearner } of changes) {
        const wanted = member(id, `http://10.0.0.${url}:2380`, isLearner);
        if (fault(members, kind, wanted, removed) !== undefined) continue;
        const known = members.find((each) => each.id === id);
        const others = members.filter((each) => each.id !== id);
        if (kind === Kind.REMOVE) removed.push(id);
        if (kind === Kind.ADD) members = [...others, wanted];
        else if (kind === Kind.REMOVE || known === undefined) members = others;
        else if (kind === Kind.UPDATE) members = [...others, { ...known, peerUrls: wanted.peerUrls }];
        else members = [...others, { ...known, isLearner: false }];
        expect(members.some((each) => !each.isLearner)).toBe(true);
        expect(members.filter((each) => each.isLearner).length).toBeLessThan(2);
        const urls = members.flatMap(({ peerUrls }) => peerUrls);
        expect(new Set(urls).size).toBe(urls.length);
        expect(members.some((each) => removed.includes(each.id))).toBe(false);
      }
    }),
  );
});
