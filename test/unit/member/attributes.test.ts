import { expect, test } from 'vitest';
import { World } from '../../sim/world.js';

const ELECTION_MS = 1_000;

test('a new cluster knows each member’s client URLs soon after it has a leader, not an election timeout later', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = new World(seed, { profile: 'crashes' });
    world.faulty = false;
    for (const machine of world.machines) machine.start();
    const settled = (): boolean => world.machines.every(({ member }) => (member?.leader ?? 0n) !== 0n);
    for (let waited = 0; !settled() && waited < 20 * ELECTION_MS; waited += 10) await world.clock.advance(10);
    expect(settled()).toBe(true);
    await world.clock.advance(ELECTION_MS / 4);
    for (const { member } of world.machines) {
      // What this member has applied.
      const { members } = (await member?.memberList({ linearizable: false })) ?? { members: [] };
      expect(members.map(({ clientURLs }) => clientURLs.length)).toEqual([1, 1, 1]);
    }
  }
});
