import type { CommandStatus, ResourceStatus } from '../proto/generated/render.js';
import type { Lane } from './lane.js';
import type { Schedule } from './schedule.js';
import type { CommandRecord } from './state.js';
import type { Target } from './target.js';

/** A target as `render status` shows it. */
export function statusOf(
  target: Target,
  around: { readonly revision: number; readonly lane: Lane; readonly schedule: Schedule },
): ResourceStatus {
  const { resource, state } = target;
  const pending = pendingOf(target, around);
  const settled = target.phase === 'in_sync' && target.unsettledFrom === undefined;
  return {
    name: resource.name,
    src: resource.src,
    dest: resource.dest,
    state: target.phase === 'in_sync' && pending !== '' ? 'pending' : target.phase,
    // Nothing it reads has changed since its render: the file is what the newest revision says.
    appliedRevision: settled ? around.revision : target.appliedRevision || (state.applied?.revision ?? 0),
    wantedRevision: around.revision,
    check: commandStatus(state.check),
    reload: commandStatus(state.lastReload),
    lastError: target.lastError === '' ? reloadError(target) : target.lastError,
    pending,
    renders: target.renders,
    swaps: target.swaps,
    drifts: target.drifts,
    warning: target.warning,
    reloads: target.reloads,
    failedReloads: target.failedReloads,
    swappedAt: target.swappedAtMs,
    failures: target.failedPasses,
    succeededAt: target.succeededAtMs,
    renderMs: target.renderMs,
  };
}

/** What is still to be done. */
function pendingOf(
  target: Target,
  { lane, schedule }: { readonly lane: Lane; readonly schedule: Schedule },
): string {
  const parts: string[] = [];
  if (!target.tried || target.unsettledFrom !== undefined) parts.push('render');
  if (target.state.reload === 'pending') parts.push('reload');
  const retryMs =
    schedule.retryIn(target) ?? (target.state.reload === 'pending' ? schedule.retryIn(lane) : undefined);
  if (retryMs !== undefined) parts.push(`retry in ${Math.ceil(retryMs / 1000)}s`);
  return parts.join(', ');
}

function reloadError({ state }: Target): string {
  return state.reload === 'pending' && state.lastReload?.ok === false
    ? `reload failed: ${state.lastReload.outcome}`
    : '';
}

export function commandStatus(record: CommandRecord | undefined): CommandStatus | undefined {
  return record === undefined ? undefined : { ...record };
}
