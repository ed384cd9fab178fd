import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/base/errors.js';
import { Chaos, type Faults } from './chaos.js';

const NETWORK: Faults = {
  loss: 0.05,
  duplication: 0.05,
  crash: 0,
  partition: 0.002,
  compact: 0,
  confChange: 0,
  evict: 0,
};
const CRASHES: Faults = { ...NETWORK, crash: 0.004, compact: 0.003 };
const ON_DISK: Faults = { ...CRASHES, partition: 0.006, evict: 0.5 };
const MEMBERSHIP: Faults = { ...CRASHES, confChange: 0.01, evict: 0.1 };

interface Totals {
  committed: number;
  reads: number;
  crashes: number;
  snapshots: number;
  confChanges: number;
  onDisk: number;
}

/** Runs one cluster a seed; what happened in all of them, so that a test can show that it tested something. */
function runSeeds(seeds: number, steps: number, size: number, faults: Faults, spares = 0): Totals {
  const totals: Totals = { committed: 0, reads: 0, crashes: 0, snapshots: 0, confChanges: 0, onDisk: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const chaos = new Chaos(seed, size, faults, spares);
    try {
      chaos.run(steps);
      chaos.invariants.checkLogMatching(chaos.members.map(({ storage }) => storage));
      totals.committed += chaos.invariants.lastCommitted;
      chaos.recover();
      chaos.invariants.checkLogMatching(chaos.members.map(({ storage }) => storage));
    } catch (error) {
      throw new Error(`seed ${seed} of ${size} members: ${messageOf(error)}`, {
        cause: error,
      });
    }
    totals.reads += chaos.answeredReads;
    totals.crashes += chaos.crashes;
    totals.snapshots += chaos.snapshots;
    totals.confChanges += chaos.confChanges;
    totals.onDisk += chaos.onDisk;
  }
  return totals;
}

describe('a cluster under faults keeps the promises of figure 3', () => {
  it('three members; messages lost, doubled, reordered, cut off', () => {
    const { committed, reads } = runSeeds(100, 2000, 3, NETWORK);
    expect(committed).toBeGreaterThan(1000);
    expect(reads).toBeGreaterThan(100);
  });

  it('three members that crash, losing or tearing what was being written', () => {
    const { committed, crashes, snapshots } = runSeeds(150, 2000, 3, CRASHES);
    expect(committed).toBeGreaterThan(1000);
    expect(crashes).toBeGreaterThan(100);
    expect(snapshots).toBeGreaterThan(10);
  });

  it('five members that crash', () => {
    const { committed, crashes } = runSeeds(60, 3000, 5, CRASHES);
    expect(committed).toBeGreaterThan(500);
    expect(crashes).toBeGreaterThan(100);
  });

  it('members whose followers wait for entries read back from the disk', () => {
    const { committed, crashes, snapshots, onDisk } = runSeeds(100, 2000, 3, ON_DISK);
    expect(committed).toBeGreaterThan(1000);
    expect(crashes).toBeGreaterThan(100);
    expect(snapshots).toBeGreaterThan(10);
    expect(onDisk).toBeGreaterThan(500);
  });

  it('three to five members that come and go while they crash', () => {
    const { committed, confChanges, snapshots } = runSeeds(100, 3000, 3, MEMBERSHIP, 2);
    expect(committed).toBeGreaterThan(500);
    expect(confChanges).toBeGreaterThan(100);
    expect(snapshots).toBeGreaterThan(10);
  });

  it('one member alone', () => {
    const { committed, crashes, reads } = runSeeds(50, 1000, 1, CRASHES);
    expect(committed).toBeGreaterThan(500);
    expect(crashes).toBeGreaterThan(50);
    expect(reads).toBeGreaterThan(50);
  });
});
