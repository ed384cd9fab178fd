import { unifiedDiff } from './diff.js';
import type { Staged } from './stages/prepare.js';
import type { World } from './world.js';

/** Tells of a swap; computing a diff holds nothing up. */
export async function tell(staged: Staged, swappedAtMs: number, world: World): Promise<void> {
  const { target, attempt, draft, look, drift } = staged;
  const { name, dest } = target.resource;
  const { content, revision } = draft;
  if (content === undefined) {
    world.emit({ type: 'pruned', resource: name, dest, revision });
    return;
  }
  const { committedAtMs, causes, causeCount } = attempt;
  const diff = world.pass.diffs
    ? await unifiedDiff(dest, look.now?.content, content, { context: world.pass.diffContext }).catch(
        () => undefined,
      )
    : undefined;
  world.emit({
    type: 'written',
    resource: name,
    dest,
    revision,
    latencyMs: committedAtMs === undefined ? undefined : swappedAtMs - committedAtMs,
    causes,
    causeCount,
    drift,
    diff,
  });
}
