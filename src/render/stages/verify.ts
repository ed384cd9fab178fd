import { substitute } from '../../command/substitute.js';
import type { CommandSpec } from '../../command/types.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import { commandText, runCommand, withOutput } from './command.js';
import { askedAttributes } from './compare.js';
import { type Formers, takeBackAll } from './restore.js';

/**
 * Runs the verify commands of the members whose swap isn't verified yet, each once. All well: those swaps are in force.
 * Otherwise every one of them is taken back, and the answer says why.
 */
export async function verify(
  members: readonly Target[],
  formers: Formers,
  world: World,
): Promise<string | undefined> {
  const swapped = members.filter(({ state }) => state.swap !== undefined);
  for (const { spec, timeoutMs, target, sharing } of commandsOf(swapped, world)) {
    const { dest } = target.resource;
    const revision = target.state.swap?.revision ?? 0;
    const dests = target.resource.lane === undefined ? [dest] : swapped.map(({ resource }) => resource.dest);
    const subject = { src: dest, dests, revision };
    world.activity?.({ type: 'command', kind: 'verify', dests });
    const { result, record } = await runCommand(spec, timeoutMs, subject, world.stopping, world);
    world.meters.observe('verify', record.durationMs);
    for (const { state } of sharing) state.verify = record;
    // Unverified, and recorded as such: the next start goes on from here.
    if (world.stopping.aborted) return 'shutting down';
    if (result.ok) continue;
    const reason = `verify failed, the former file is back: ${withOutput(result)}`;
    await takeBackAll(swapped, formers, world);
    const restored = swapped.map(({ resource }) => resource.dest);
    world.emit({ type: 'restored', dests: restored, command: commandText(spec), outcome: result.outcome });
    return reason;
  }
  for (const target of swapped) adopt(target);
  return undefined;
}

function commandsOf(swapped: readonly Target[], world: World) {
  const found = new Map<
    string,
    { spec: CommandSpec; timeoutMs: number; target: Target; sharing: readonly Target[] }
  >();
  if (world.pass.syncOnly) return [];
  for (const target of swapped) {
    const { verifyCmd, verifyTimeoutMs, dest } = target.resource;
    if (verifyCmd === undefined) continue;
    const spec = substitute(verifyCmd, { src: dest, dest });
    const id = JSON.stringify(spec);
    const same = found.get(id);
    const timeoutMs = Math.max(verifyTimeoutMs, same?.timeoutMs ?? 0);
    found.set(id, { spec, timeoutMs, target, sharing: [...(same?.sharing ?? []), target] });
  }
  return [...found.values()];
}

/** The swap is in force. */
function adopt({ state, resource }: Target): void {
  const { swap } = state;
  if (swap === undefined) return;
  state.applied = { revision: swap.revision, nowMs: swap.nowMs, sha256: swap.sha256 };
  state.origin = swap.origin;
  state.asked = askedAttributes(resource);
  state.made ||= swap.former === 'none';
  state.swap = undefined;
}
