import { messageOf } from '../../base/errors.js';
import { unifiedDiff } from '../diff.js';
import { type Result, resultOf } from '../result.js';
import type { Attempt, Target } from '../target.js';
import type { World } from '../world.js';
import { check } from './check.js';
import { askedAttributes, differences, type Look, look } from './compare.js';
import { absentDraft, reasonToKeep } from './removal.js';
import { type Draft, Hold, renderDraft, sha256 } from './render.js';
import { stage } from './stage.js';
import { recordSwap } from './swap.js';
import { validate } from './validate.js';

/** Checked and recorded, ready to be swapped in. */
export interface Staged {
  readonly target: Target;
  readonly attempt: Attempt;
  readonly draft: Draft;
  readonly look: Look;
  /** The staged file; undefined: the destination is to be removed. */
  readonly path: string | undefined;
  /** It had been edited by hand. */
  readonly drift: boolean;
  /** Gives it up: as if it had never been. */
  discard(): Promise<void>;
}

export function isStaged(one: Staged | Result): one is Staged {
  return 'discard' in one;
}

/** Everything up to the swap: render, compare, stage, check. Never fails but by its result. */
export async function prepare(target: Target, attempt: Attempt, world: World): Promise<Staged | Result> {
  const { resource } = target;
  const { dest } = resource;
  const { log } = world.ports;
  let revision = 0;
  world.activity?.({ type: 'rendering', dest });
  try {
    const paused = world.pauses.reason(dest);
    if (paused !== undefined) throw new Hold(paused);
    const draft = resource.absent
      ? absentDraft(target, world)
      : await renderDraft(target, attempt.touched, world);
    revision = draft.revision;
    if (draft.content !== undefined) await validate(resource, draft.content);
    const found = await look(target, world);
    const stays = draft.content === undefined ? reasonToKeep(target, found) : undefined;
    if (stays !== undefined) {
      log.warn({ dest, resource: resource.name }, `${dest} is no longer wanted, but stays: ${stays}`);
      return resultOf(target, attempt, 'in sync', { revision });
    }
    const differing = differences(dest, found, draft);
    if (differing.length === 0) {
      log.debug({ dest }, `Target config ${dest} in sync`);
      await settleInSync(target, draft, world);
      return resultOf(target, attempt, 'in sync', { revision });
    }
    const drift = isDrift(target, draft);
    if (drift) countDrift(target, found);
    if (drift && resource.onDrift === 'report')
      throw new Hold(`edited by hand, and left so (on_drift = "report"): ${differing.join(', ')}`);
    for (const difference of differing) log.info({ dest }, difference);
    log.info({ dest, resource: resource.name }, `Target config ${dest} out of sync`);
    if (world.pass.noop) {
      log.warn({ dest }, `Noop mode enabled. ${dest} will not be modified`);
      const { diffContext: context } = world.pass;
      const diff =
        (await unifiedDiff(dest, found.now?.content, draft.content, { context })) ??
        '(too large to compare)\n';
      return resultOf(target, attempt, 'would change', { revision, diff });
    }
    const checked = resource.checkCmd !== undefined && !world.pass.syncOnly && !resource.absent;
    const made = await (checked ? stageThenCheck : stageAndRecord)(target, found, draft, world);
    return { target, attempt, draft, look: found, drift, ...made };
  } catch (error) {
    const status = world.stopping.aborted ? 'stopped' : error instanceof Hold ? 'held' : 'failed';
    return resultOf(target, attempt, status, { reason: messageOf(error), revision });
  }
}

type Made = Pick<Staged, 'path' | 'discard'>;

/** The record is written only once the check has passed: a check that fails must cause no reload. */
async function stageThenCheck(target: Target, found: Look, draft: Draft, world: World): Promise<Made> {
  const path = await stageDraft(target, found, draft, world);
  try {
    if (path !== undefined) await check(target, path, draft.revision, world);
    const withdraw = await recordSwap(target, found, draft, world);
    return { path, discard: () => discard(path, withdraw, world) };
  } catch (error) {
    // What the check said is kept with the state, if the disk lets us.
    await world.states.save(target.state).catch(() => undefined);
    if (world.pass.keepStage && path !== undefined) world.ports.log.info({}, `Keeping staged file: ${path}`);
    else await discard(path, undefined, world);
    throw error;
  }
}

/** Without a check nothing stands between staging and swapping: the record is written meanwhile. */
async function stageAndRecord(target: Target, found: Look, draft: Draft, world: World): Promise<Made> {
  const [staged, recorded] = await Promise.allSettled([
    stageDraft(target, found, draft, world),
    recordSwap(target, found, draft, world),
  ]);
  const path = staged.status === 'fulfilled' ? staged.value : undefined;
  const withdraw = recorded.status === 'fulfilled' ? recorded.value : undefined;
  if (staged.status === 'fulfilled' && withdraw !== undefined) {
    return { path, discard: () => discard(path, withdraw, world) };
  }
  await discard(path, withdraw, world);
  throw staged.status === 'rejected' ? staged.reason : (recorded as PromiseRejectedResult).reason;
}

async function stageDraft(
  target: Target,
  found: Look,
  { content }: Draft,
  world: World,
): Promise<string | undefined> {
  return content === undefined ? undefined : stage(target.resource, found, content, world);
}

/** As well as the disk lets us: a stage that stays is removed at the next start. */
async function discard(
  path: string | undefined,
  withdraw: (() => Promise<void>) | undefined,
  { ports: { files } }: World,
): Promise<void> {
  await Promise.allSettled([path === undefined ? undefined : files.remove(path), withdraw?.()]);
}

/** The file has already the wanted content. A reload may still be due for it. */
async function settleInSync(
  { state, resource }: Target,
  draft: Draft,
  { pass, states }: World,
): Promise<void> {
  if (pass.noop) return;
  if (state.swap !== undefined) {
    // From before a crash. To be verified like any other, under the name of what is there.
    state.swap = { ...state.swap, ...draft.stamp, origin: draft.origin };
    return;
  }
  const asked = askedAttributes(resource);
  if (
    state.applied?.sha256 === draft.stamp.sha256 &&
    state.origin === draft.origin &&
    state.asked === asked &&
    state.item?.key === resource.item?.key &&
    state.item?.of === resource.item?.of
  ) {
    return;
  }
  state.applied = draft.stamp;
  state.origin = draft.origin;
  state.asked = asked;
  state.item = resource.item;
  await states.save(state);
}

/** The file is another one although nothing has changed that it is made from. */
function isDrift({ state, resource }: Target, { stamp, origin }: Draft): boolean {
  return (
    state.swap === undefined &&
    state.applied?.sha256 === stamp.sha256 &&
    state.origin === origin &&
    state.asked === askedAttributes(resource)
  );
}

/** Counted once, however often a file that is left as it is gets looked at. */
function countDrift(target: Target, { now }: Look): void {
  const found = now === undefined ? 'none' : `${sha256(now.content)}:${now.mode}:${now.uid}:${now.gid}`;
  if (target.resource.onDrift === 'report' && target.reportedDrift === found) return;
  target.reportedDrift = found;
  target.drifts++;
}
