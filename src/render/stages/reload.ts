import type { CommandResult } from '../../command/types.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import { commandText, runCommand, withOutput } from './command.js';

export interface Reloaded {
  readonly ok: boolean;
  readonly error: string;
  readonly command: string;
  readonly dests: readonly string[];
  readonly result: CommandResult;
}

/**
 * Runs the lane's reload command once, if it is due for any member. Until it succeeds it stays due, across restarts.
 * Undefined: nothing was due.
 */
export async function reload(members: readonly Target[], world: World): Promise<Reloaded | undefined> {
  const due = members.filter(({ state }) => state.reload === 'pending' && state.swap === undefined);
  const command = due[0]?.resource.reloadCmd;
  if (due.length === 0 || world.pass.syncOnly) return undefined;
  if (command === undefined) {
    for (const { state } of due) state.reload = 'none';
    return undefined;
  }
  const dests = due.map(({ resource }) => resource.dest);
  const timeoutMs = Math.max(...due.map(({ resource }) => resource.reloadTimeoutMs));
  const revision = Math.max(...due.map(({ state }) => state.applied?.revision ?? 0));
  const subject = { src: dests[0] ?? '', dests, revision };
  const { result, record } = await runCommand(command, timeoutMs, subject, world.ended, world);
  for (const { state } of due) {
    state.lastReload = record;
    if (result.ok) state.reload = 'none';
  }
  const error = result.ok ? '' : `reload failed: ${withOutput(result)}`;
  return { ok: result.ok, error, command: commandText(command), dests, result };
}
