import { messageOf } from '../base/errors.js';
import { unifiedDiff } from './diff.js';
import { type Result, resultOf } from './result.js';
import { isStaged, prepare, type Staged } from './stages/prepare.js';
import { type Reloaded, reload } from './stages/reload.js';
import { swapFile } from './stages/swap.js';
import { type Formers, verify } from './stages/verify.js';
import type { Target } from './target.js';
import type { World } from './world.js';

export interface PassResult {
  readonly results: readonly Result[];
  /** Undefined: none was due. */
  readonly reloaded: Reloaded | undefined;
}

/**
 * One pass over a lane: the due targets are brought to what the keys say now, all of them before the lane's one reload.
 * `members` are all targets of the lane: a reload may still be owed to one that isn't due. Never fails but by its results.
 */
export async function runPass(
  due: readonly Target[],
  members: readonly Target[],
  world: World,
): Promise<PassResult> {
  // Render, compare, stage, check: nothing that anyone else sees.
  const prepared = await Promise.all(due.map((target) => prepare(target, target.begin(), world)));
  if (world.pass.noop || world.stopping.aborted) {
    return { results: await giveUp(prepared), reloaded: undefined };
  }

  // Swap: all together, so that the files of one service differ in age as briefly as can be.
  const formers: Formers = new Map(
    prepared.filter(isStaged).map(({ target, look }) => [target, { path: look.path, now: look.now }]),
  );
  let results = await Promise.all(prepared.map((one) => swap(one, world)));

  // Verify, or the former files come back.
  const unsettled = new Set(members.filter(({ state }) => state.swap !== undefined));
  const refused = await verify(members, formers, world);
  if (refused !== undefined) {
    return {
      results: results.map((result) => refuse(result, unsettled, refused, world)),
      reloaded: undefined,
    };
  }

  // Reload once, then clear.
  for (const target of members) if (target.state.reload === 'pending') unsettled.add(target);
  const reloaded = await reload(members, world);
  const unsaved = await saveAll(unsettled, world);
  results = results.map((result) => {
    const trouble = unsaved.get(result.target);
    return trouble === undefined ? result : { ...result, status: 'failed', reason: trouble };
  });
  return { results, reloaded };
}

async function swap(staged: Staged | Result, world: World): Promise<Result> {
  if (!isStaged(staged)) return staged;
  const { target, attempt, draft, look } = staged;
  const { resource } = target;
  const { dest } = resource;
  const { revision, content } = draft;
  try {
    const { swappedAtMs, durable } = await swapFile(staged.path, look.path, look.wanted, content, world);
    target.swaps++;
    target.reportedDrift = '';
    void tell(staged, swappedAtMs, world);
    await durable;
    world.ports.log.info(
      { dest, resource: resource.name, revision },
      `Target config ${dest} has been updated`,
    );
    return resultOf(target, attempt, 'written', { revision, swappedAtMs });
  } catch (error) {
    // The swap may have happened. What is recorded makes the next pass find out.
    await world.ports.files.remove(staged.path).catch(() => undefined);
    return resultOf(target, attempt, 'failed', { revision, reason: messageOf(error) });
  }
}

/** Tells of a swap; computing a diff holds nothing up. */
async function tell(staged: Staged, swappedAtMs: number, world: World): Promise<void> {
  const { target, attempt, draft, look, drift } = staged;
  const { name, dest } = target.resource;
  const { committedAtMs, causes, causeCount } = attempt;
  const diff = world.pass.diffs
    ? await unifiedDiff(dest, look.now?.content, draft.content).catch(() => undefined)
    : undefined;
  world.emit({
    type: 'written',
    resource: name,
    dest,
    revision: draft.revision,
    latencyMs: committedAtMs === undefined ? undefined : swappedAtMs - committedAtMs,
    causes,
    causeCount,
    drift,
    diff,
  });
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
        if (target.resource.verifyCmd !== undefined) await states.dropFormer(target.resource.dest);
      } catch (error) {
        unsaved.set(target, `can't save the state of ${target.resource.dest}: ${messageOf(error)}`);
      }
    }),
  );
  return unsaved;
}
