import type { Prng } from '../../src/base/prng.js';
import type { FaultKind } from './faults/kinds.js';
import type { Tuning } from './machine.js';
import { FAIR, type Weather } from './network/weather.js';

/** A mixture of faults and load: a seed draws one, so that rare combinations meet often somewhere. */
export interface Profile {
  readonly name: string;
  readonly members: number;
  readonly clients: number;
  /** Between two requests of a client, at most. */
  readonly thinkMs: number;
  /** How often a client turns to another member though the one before has answered. */
  readonly switching: number;
  readonly watchers: number;
  readonly leaseholders: number;
  /** How long faults happen; then everything heals. */
  readonly faultMs: number;
  /** Between two faults, on average. */
  readonly faultEveryMs: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly weather: Weather;
  /** Clocks of members run by so much faster or slower, at most. */
  readonly drift: number;
  /** From the end of a process to the next one's start, at most. */
  readonly restartMs: number;
  /** How often a member dies as soon as its vote has left. */
  readonly voterDeath: number;
  /** How often a start is cut short at a step of its disk. */
  readonly startDeath: number;
  /** What an operation of a slow disk takes, at most. */
  readonly slowDiskMs: number;
  readonly tuning: Tuning;
}

/** Small segments and few entries kept: installs of snapshots, and releases of segments, happen all the time. */
const SMALL: Tuning = { catchUpEntries: 5, walSegmentBytes: 1_024, logMemoryBytes: 1_000 };
const ROOMY: Tuning = { catchUpEntries: 200, walSegmentBytes: 16_384, logMemoryBytes: 30_000 };

const ROUGH: Weather = {
  loss: 0.02,
  duplication: 0.02,
  minDelayMs: 0.2,
  maxDelayMs: 8,
  straggling: 0.02,
  straggleFactor: 10,
  reordering: true,
  cutTransfer: 0.02,
  corruptTransfer: 0.01,
};

const BASE: Profile = {
  name: 'base',
  members: 3,
  clients: 4,
  thinkMs: 120,
  switching: 0.05,
  watchers: 2,
  leaseholders: 1,
  faultMs: 20_000,
  faultEveryMs: 1_500,
  faults: {},
  weather: FAIR,
  drift: 0.002,
  restartMs: 3_000,
  voterDeath: 0,
  startDeath: 0.05,
  slowDiskMs: 150,
  tuning: SMALL,
};

export const PROFILES: readonly Profile[] = [
  {
    ...BASE,
    name: 'crashes',
    startDeath: 0.5,
    faultEveryMs: 900,
    faults: { kill: 3, killAtStep: 3, power: 3, powerAtStep: 4, powerAll: 1, killAll: 1, stop: 2 },
  },
  {
    ...BASE,
    name: 'network',
    members: 5,
    weather: ROUGH,
    faults: { partition: 4, oneWay: 3, isolateLeader: 3, mend: 4, transfer: 1, powerAtStep: 1 },
  },
  {
    ...BASE,
    name: 'snapshots',
    weather: { ...ROUGH, reordering: false, cutTransfer: 0.1, corruptTransfer: 0.05 },
    faults: { isolate: 3, mend: 3, powerAtStep: 3, killAtStep: 2, compact: 3, pause: 1 },
    tuning: { catchUpEntries: 1, walSegmentBytes: 512, logMemoryBytes: 1_000 },
    thinkMs: 60,
  },
  {
    ...BASE,
    name: 'membership',
    faults: {
      addLearner: 3,
      addVoter: 1,
      promote: 4,
      remove: 2,
      update: 1,
      wipe: 1,
      kill: 1,
      power: 1,
      transfer: 1,
    },
    faultMs: 25_000,
    faultEveryMs: 1_200,
  },
  {
    ...BASE,
    name: 'clocks',
    drift: 0.02,
    leaseholders: 4,
    faults: {
      pause: 4,
      pauseLeader: 3,
      jumpWall: 2,
      isolateLeader: 1,
      mend: 2,
      transfer: 2,
      kill: 1,
      stop: 1,
    },
  },
  {
    ...BASE,
    name: 'disks',
    faults: { slowDisk: 3, failDisk: 3, fullDisk: 2, powerAtStep: 2, power: 1, compact: 1 },
    weather: { ...FAIR, loss: 0.01 },
  },
  {
    ...BASE,
    name: 'everything',
    members: 5,
    weather: ROUGH,
    drift: 0.01,
    leaseholders: 2,
    faultEveryMs: 700,
    faults: {
      kill: 2,
      killAtStep: 2,
      power: 2,
      powerAtStep: 3,
      pause: 2,
      jumpWall: 1,
      partition: 2,
      oneWay: 2,
      isolateLeader: 2,
      mend: 5,
      slowDisk: 1,
      failDisk: 1,
      fullDisk: 1,
      transfer: 1,
      compact: 2,
      stop: 1,
      addLearner: 1,
      promote: 2,
      remove: 1,
      wipe: 1,
    },
  },
  {
    ...BASE,
    name: 'elections',
    faultEveryMs: 700,
    restartMs: 40,
    voterDeath: 0.6,
    weather: { ...FAIR, maxDelayMs: 100, straggling: 0.3, reordering: true },
    faults: { kill: 2, killAtStep: 2, transfer: 4, isolateLeader: 3, mend: 4, killAll: 2 },
  },
  {
    ...BASE,
    name: 'slow',
    thinkMs: 25,
    faultMs: 12_000,
    faultEveryMs: 500,
    tuning: { catchUpEntries: 5, walSegmentBytes: 768, logMemoryBytes: 1_000 },
    faults: { slowDisk: 8, kill: 2, power: 3, powerAtStep: 2, isolateLeader: 2, pauseLeader: 1, mend: 3 },
  },
  {
    ...BASE,
    name: 'overwrites',
    members: 5,
    thinkMs: 40,
    faultEveryMs: 1_500,
    slowDiskMs: 2_500,
    restartMs: 500,
    tuning: ROOMY,
    faults: { slowDisk: 1, strandPair: 6, isolateLeader: 1, mend: 1, kill: 2, power: 1 },
  },
  {
    ...BASE,
    name: 'learners',
    faultMs: 25_000,
    faultEveryMs: 800,
    faults: { addLearner: 6, partition: 5, isolateLeader: 1, mend: 5 },
  },
  {
    ...BASE,
    name: 'stale',
    clients: 10,
    thinkMs: 40,
    switching: 0.3,
    faultEveryMs: 2_000,
    weather: {
      ...FAIR,
      maxDelayMs: 10,
      straggling: 0.01,
      straggleFactor: 500,
      duplication: 0.6,
      reordering: true,
    },
    faults: { pauseLeader: 1, isolateLeader: 1, strandLeader: 5, mend: 3, transfer: 1 },
  },
  {
    ...BASE,
    name: 'single',
    members: 1,
    faultMs: 8_000,
    faults: {
      kill: 1,
      killAtStep: 2,
      power: 1,
      powerAtStep: 3,
      failDisk: 1,
      fullDisk: 1,
      compact: 2,
      pause: 1,
    },
  },
  {
    ...BASE,
    name: 'busy',
    clients: 8,
    thinkMs: 15,
    faultMs: 8_000,
    tuning: ROOMY,
    faults: { kill: 1, power: 1, stop: 1, transfer: 2, compact: 1 },
  },
];

export function drawProfile(prng: Prng): Profile {
  return PROFILES[prng.below(PROFILES.length)] as Profile;
}

export function profileNamed(name: string): Profile {
  const profile = PROFILES.find((each) => each.name === name);
  if (profile === undefined)
    throw new Error(`no profile ${name}: there are ${PROFILES.map((each) => each.name).join(', ')}`);
  return profile;
}
