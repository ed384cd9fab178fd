import { messageOf } from '../base/errors.js';
import { type Result, resultOf } from './result.js';
import { keepBackup } from './stages/backup.js';
import { isStaged, prepare, type Staged } from './stages/prepare.js';
import { type Reloaded, reload } from './stages/reload.js';
import { type Formers, takeBackAll } from './stages/restore.js';
import { beforeVerify, rollBack } from './stages/rollback.js';
import { keepsFormer, removeFile, swapFile } from './stages/swap.js';
import { verify } from './stages/verify.js';
import type { Target } from './target.js';
import { tell } from './tell.js';
import type { World } from './world.js';

export interface PassResult {
  readonly results: readonly Result[];
  /** Undefined: none was due. */
  readonly reloaded: Reloaded | undefined;
}

/** Whose pass it is. */
export interface LaneView {
  /** All targets of the lane: a reload may still be owed to one that isn't due. */
  readonly members: readonly Target[];
  /** All of the due targets are swapped, or none. */
  readonly atomic: boolean;
}

/**
 * One pass over a lane: the due targets are brought to what the keys say now, all of them before the lane's one reload.
 * Never fails but by its results.
 */
export async function runPass(
  due: readonly Target[],
  { members, atomic }: LaneView,
  world: World,
): Promise<PassResult> {
  // Render, compare, stage, check: nothing that anyone else sees.
  const beganAtMs = world.ports.clock.monotonicMs();
  let prepared = await Promise.all(due.map((target) => prepare(target, target.begin(beganAtMs), world)));
  if (world.pass.noop || world.stopping.aborted) {
    return { results: await giveUp(prepared), reloaded: undefined };
  }
  if (atomic) prepared = await allOrNone(prepared);

  // Swap: all together, so that the files of one service differ in age as briefly as can be.
  const formers: Formers = new Map(
    prepared.filter(isStaged).map(({ target, look }) => [target, { path: look.path, now: look.now }]),
  );
  let results = await Promise.all(prepared.map((one) => swap(one, world)));
  const unsettled = new Set(members.filter(({ state }) => state.swap !== undefined));
  const torn = atomic
    ? results.find(({ target, status }) => formers.has(target) && status === 'failed')
    : undefined;
  if (torn !== undefined) {
    await takeBackAll([...unsettled], formers, world);
    const reason = `its group is back as it was: ${torn.target.resource.dest}: ${torn.reason}`;
    return {
      results: results.map((result) => refuse(result, unsettled, reason, world)),
      reloaded: undefined,
    };
  }

  // Verify, or the former files come back.
  const before = beforeVerify(members);
  const refused = await verify(members, formers, world);
  if (refused !== undefined) {
    return {
      results: results.map((result) => refuse(result, unsettled, refused, world)),
      reloaded: undefined,
    };
  }

  // Reload once, or the former files come back and are reloaded; then clear.
  for (const target of members) if (target.state.reload === 'pending') unsettled.add(target);
  const reloaded = await reload(members, world, { splay: formers.size > 0 });
  if (reloaded?.ok === false) {
    const back = new Set(await rollBack(reloaded, before, formers, world));
    if (back.size > 0) await reload([...back], world, { splay: false });
    const reason = `${reloaded.error}; the former file is back`;
    results = results.map((result) => refuse(result, back, reason, world));
  }
  const unsaved = await saveAll(unsettled, world);
  results = results.map((result) => {
    const trouble = unsaved.get(result.target);
    return trouble === undefined ? result : { ...result, status: 'failed', reason: trouble };
  });
  return { results, reloaded };
}

/** Of a group: where one of the due files can't be swapped, none is. */
async function allOrNone(prepared: readonly (Staged | Result)[]): Promise<(Staged | Result)[]> {
  const culprit = prepared.find((one) => !isStaged(one) && isObstacle(one));
  if (culprit === undefined || isStaged(culprit)) return [...prepared];
  const reason = `its group waits for ${culprit.target.resource.dest}: ${culprit.reason}`;
  return Promise.all(
    prepared.map(async (one) => {
      if (!isStaged(one)) return one;
      await one.discard();
      return resultOf(one.target, one.attempt, 'held', { revision: one.draft.revision, reason });
    }),
  );
}

/** A file that isn't what it is wanted to be: its group can't go on without it. */
export function isObstacle({ status }: Result): boolean {
  return status === 'failed' || status === 'held' || status === 'stopped';
}

async function swap(staged: Staged | Result, world: World): Promise<Result> {
  if (!isStaged(staged)) return staged;
  const { target, attempt, draft, look } = staged;
  const { resource } = target;
  const { dest } = resource;
  const { revision, content } = draft;
  try {
    await keepBackup(resource, look, world);
    const { swappedAtMs, durable } = await (content === undefined || staged.path === undefined
      ? removeFile(look.path, world)
      : swapFile(staged.path, look.path, look.wanted, content, world));
    target.swaps++;
    target.swappedAtMs = world.ports.clock.wallMs();
    if (attempt.committedAtMs !== undefined)
      world.meters.observe('latency', swappedAtMs - attempt.committedAtMs);
    target.reportedDrift = '';
    void tell(staged, swappedAtMs, world);
    await durable;
    const what = content === undefined ? 'removed' : 'updated';
    world.ports.log.info(
      { dest, resource: resource.name, revision },
      `Target config ${dest} has been ${what}`,
    );
    return resultOf(target, attempt, 'written', { revision, swappedAtMs });
  } catch (error) {
    // The swap may have happened. What is recorded makes the next pass find out.
    if (staged.path !== undefined) await world.ports.files.remove(staged.path).catch(() => undefined);
    return resultOf(target, attempt, 'failed', { revision, reason: messageOf(error) });
  }
}

function refuse(result: Result, unsettled: ReadonlySet<Target>, reason: string, world: World): Result {
  if (!unsettled.has(result.target)) return result;
  return { ...result, status: world.stopping.aborted ? 'stopped' : 'failed', reason, swappedAtMs: undefined };
}

async function giveUp(prepared: readonly (Staged | Result)[]): Promise<Result[]> {
  return Promise.all(
    prepared.map(async (one) => {
      if (!isStaged(one)) return one;
      await one.discard();
      return resultOf(one.target, one.attempt, 'stopped');
    }),
  );
}

/** Saves what changed; answers what went wrong. A state that wasn't saved costs one reload too many at the next start. */
async function saveAll(targets: ReadonlySet<Target>, { states }: World): Promise<Map<Target, string>> {
  const unsaved = new Map<Target, string>();
  await Promise.all(
    [...targets].map(async (target) => {
      try {
        await states.save(target.state);
        if (keepsFormer(target.resource)) await states.dropFormer(target.resource.dest);
      } catch (error) {
        unsaved.set(target, `can't save the state of ${target.resource.dest}: ${messageOf(error)}`);
      }
    }),
  );
  return unsaved;
}
