import { dirname } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { substitute } from '../../command/substitute.js';
import type { CommandSpec } from '../../command/types.js';
import type { FileNow } from '../files.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import { commandText, runCommand, withOutput } from './command.js';
import { askedAttributes } from './compare.js';
import { stageFile } from './stage.js';
import { swapFile } from './swap.js';

/** The file that was there before a swap of this process; undefined as content: there was none. */
export type Formers = ReadonlyMap<Target, { readonly path: string; readonly now: FileNow | undefined }>;

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
  for (const { spec, timeoutMs, target } of commandsOf(swapped, world)) {
    const { dest } = target.resource;
    const revision = target.state.swap?.revision ?? 0;
    const subject = { src: dest, dests: [dest], revision };
    const { result } = await runCommand(spec, timeoutMs, subject, world.stopping, world);
    // Unverified, and recorded as such: the next start goes on from here.
    if (world.stopping.aborted) return 'shutting down';
    if (result.ok) continue;
    const reason = `verify failed, the former file is back: ${withOutput(result)}`;
    await Promise.all(swapped.map((member) => takeBack(member, formers, world)));
    const dests = swapped.map(({ resource }) => resource.dest);
    world.emit({ type: 'restored', dests, command: commandText(spec), outcome: result.outcome });
    return reason;
  }
  for (const target of swapped) adopt(target);
  return undefined;
}

function commandsOf(swapped: readonly Target[], world: World) {
  const found = new Map<string, { spec: CommandSpec; timeoutMs: number; target: Target }>();
  if (world.pass.syncOnly) return [];
  for (const target of swapped) {
    const { verifyCmd, verifyTimeoutMs, dest } = target.resource;
    if (verifyCmd === undefined) continue;
    const spec = substitute(verifyCmd, { src: dest, dest });
    const id = JSON.stringify(spec);
    const timeoutMs = Math.max(verifyTimeoutMs, found.get(id)?.timeoutMs ?? 0);
    found.set(id, { spec, timeoutMs, target });
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
  state.swap = undefined;
}

/** Brings the former file back. What can't be brought back stays recorded as unverified. */
async function takeBack(target: Target, formers: Formers, world: World): Promise<void> {
  const { state, resource } = target;
  const { files, log } = world.ports;
  const { swap } = state;
  if (swap === undefined) return;
  try {
    const path = formers.get(target)?.path ?? (await files.resolve(resource.dest));
    const former = await formerOf(target, formers, world);
    if (former === undefined) {
      await files.remove(path);
      await files.syncFolder(dirname(path));
    } else {
      const stage = await stageFile(path, former, former.content, world);
      await (await swapFile(stage, path, former, former.content, world)).durable;
    }
    state.swap = undefined;
    state.reload = swap.reloadBefore;
    await world.states.save(state);
    await world.states.dropFormer(resource.dest);
    log.warn({ dest: resource.dest }, `Target config ${resource.dest} has been put back`);
  } catch (error) {
    log.error(
      { dest: resource.dest, error: messageOf(error) },
      `the former ${resource.dest} can't be put back`,
    );
  }
}

async function formerOf(target: Target, formers: Formers, world: World): Promise<FileNow | undefined> {
  const { former } = target.state.swap ?? {};
  if (former === 'none') return undefined;
  const inMemory = formers.get(target)?.now;
  if (former === undefined) {
    if (inMemory !== undefined) return inMemory;
    throw new Error('it was not kept');
  }
  const kept = await world.states.former(target.resource.dest);
  if (kept !== undefined)
    return { ...former, content: kept.content, uid: former.uid ?? kept.uid, gid: former.gid ?? kept.gid };
  if (inMemory !== undefined) return inMemory;
  throw new Error('the copy beside its state is gone');
}
