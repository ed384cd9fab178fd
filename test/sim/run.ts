import { checkAnswers } from './check/answer-check.js';
import { OrderCheck } from './check/order-check.js';
import { checkRegisters } from './check/register-check.js';
import { Leasing } from './clients/leasing.js';
import { Session } from './clients/session.js';
import { Watching } from './clients/watching.js';
import { drawBulk } from './clients/workload.js';
import type { Counters } from './counters.js';
import { Nemesis } from './faults/nemesis.js';
import type { Finding } from './findings.js';
import { Healing } from './heal.js';
import { limitLogMemory } from './log-memory.js';
import './long-entries.js';
import { observe } from './observe.js';
import { World, type WorldOptions } from './world.js';

/** Longer than any run takes; whatever isn't over by then hangs. */
const MAX_RUN_MS = 400_000;
const SLICE_MS = 50;
/** Clients that deal with many keys at once. */
const BULK_CLIENTS = 1;

/** What became of a seed. */
export interface Result {
  readonly seed: number;
  readonly profile: string;
  readonly finding: Finding | undefined;
  /** Of the trace: equal for equal runs. */
  readonly hash: string;
  readonly lines: number;
  readonly virtualMs: number;
  readonly elections: number;
  readonly revisions: number;
  readonly counters: Counters;
  /** The end of the trace, where something was found. */
  readonly tail: readonly string[];
}

/** Runs one seed from the first start to the last check. */
export async function runSeed(seed: number, options: WorldOptions = {}): Promise<Result> {
  const world = new World(seed, options);
  const broken = (error: unknown) =>
    world.findings.add(
      'nothing throws',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  observe(world.observer());
  limitLogMemory(world.tuning.logMemoryBytes);
  process.on('unhandledRejection', broken);
  try {
    await play(world, broken);
    if (world.findings.first === undefined) judge(world);
  } catch (error) {
    broken(error);
  } finally {
    process.off('unhandledRejection', broken);
    observe(undefined);
  }
  const { trace, findings, counters, profile, clock, log, history } = world;
  return {
    seed,
    profile: profile.name,
    finding: findings.first,
    hash: trace.hash,
    lines: trace.lines,
    virtualMs: clock.monotonicMs(),
    elections: log.elections,
    revisions: history.model.head,
    counters,
    tail: findings.first === undefined ? [] : trace.tail(),
  };
}

/** Everything happens here: members, clients and faults, until all is healed or something was found. */
async function play(world: World, broken: (error: unknown) => void): Promise<void> {
  const { profile, clock, findings } = world;
  const nemesis = new Nemesis(world);
  const healing = new Healing(world, nemesis);
  const many = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, at) => make(at + 1));
  const sessions = many(profile.clients, (number) => new Session(world, `c${number}`));
  const bulk = many(BULK_CLIENTS, (number) => new Session(world, `b${number}`, drawBulk));
  const watchers = many(profile.watchers, (number) => new Watching(world, `w${number}`));
  const leaseholders = many(profile.leaseholders, (number) => new Leasing(world, `h${number}`));
  for (const machine of world.machines) machine.start();
  let over = false;
  for (const client of [...sessions, ...bulk, ...watchers, ...leaseholders]) client.run().catch(broken);
  nemesis
    .run()
    .then(() => healing.run(watchers))
    .catch(broken)
    .finally(() => {
      over = true;
    });
  while (!over && findings.first === undefined) {
    await clock.advance(SLICE_MS);
    if (clock.monotonicMs() > MAX_RUN_MS) findings.add('the cluster heals', 'the run does not end');
  }
  world.clientsRun = false;
  world.watchersRun = false;
}

/** What can be judged only when all is known. */
function judge(world: World): void {
  const { findings, history, operations } = world;
  const order = new OrderCheck(findings, history.model);
  order.index();
  order.check(operations);
  checkAnswers(findings, history.model, operations);
  checkRegisters(findings, operations);
}
