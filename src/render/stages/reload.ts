import type { CommandResult } from '../../command/types.js';
import type { Clock } from '../../io/clock.js';
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
 * `splay`: it may wait for as long as its resources' `reload_splay`, at random. Undefined: nothing was due.
 */
export async function reload(
  members: readonly Target[],
  world: World,
  { splay }: { readonly splay: boolean },
): Promise<Reloaded | undefined> {
  const due = members.filter((target) => isDue(target, world));
  const command = due[0]?.resource.reloadCmd;
  if (due.length === 0 || world.pass.syncOnly) return undefined;
  if (command === undefined) {
    for (const { state } of due) state.reload = 'none';
    return undefined;
  }
  const restMs = reloadRestMs(members, world);
  if (restMs > 0) {
    world.ports.log.info(
      { restMs },
      `the reload is put off for ${Math.ceil(restMs)} ms (min_reload_interval)`,
    );
    return undefined;
  }
  const splayMs = splay ? Math.max(...due.map(({ resource }) => resource.reloadSplayMs)) : 0;
  if (splayMs > 0) await rest(world.ports.clock, world.ports.random.float() * splayMs, world.stopping);
  const dests = due.map(({ resource }) => resource.dest);
  const timeoutMs = Math.max(...due.map(({ resource }) => resource.reloadTimeoutMs));
  const revision = Math.max(...due.map(({ state }) => state.applied?.revision ?? 0));
  const subject = { src: dests[0] ?? '', dests, revision };
  world.activity?.({ type: 'command', kind: 'reload', dests });
  const { result, record } = await runCommand(command, timeoutMs, subject, world.ended, world);
  world.meters.observe('reload', record.durationMs);
  for (const target of due) {
    target.state.lastReload = record;
    if (result.ok) {
      target.reloads++;
      target.state.reload = 'none';
    } else target.failedReloads++;
  }
  const error = result.ok ? '' : `reload failed: ${withOutput(result)}`;
  return { ok: result.ok, error, command: commandText(command), dests, result };
}

/**
 * Milliseconds for which the lane's reload is put off, by `min_reload_interval` and the end of the last one, which is known
 * across restarts; 0: it may be done now. A wall clock that was set back costs one interval at most.
 */
export function reloadRestMs(members: Iterable<Target>, { ports, pass }: World): number {
  if (!pass.putsReloadsOff) return 0;
  let intervalMs = 0;
  let lastAt = 0;
  for (const { resource, state } of members) {
    intervalMs = Math.max(intervalMs, resource.minReloadIntervalMs);
    lastAt = Math.max(lastAt, state.lastReload?.at ?? 0);
  }
  return lastAt === 0 ? 0 : Math.min(intervalMs, Math.max(0, lastAt + intervalMs - ports.clock.wallMs()));
}

/** A reload of a paused destination waits for its resumption. */
export function isDue({ state, resource }: Target, { pauses }: World): boolean {
  return state.reload === 'pending' && state.swap === undefined && pauses.reason(resource.dest) === undefined;
}

/** Resolves after so long, or when the signal is aborted: a shutdown waits for no splay. */
async function rest(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = clock.schedule(ms, done);
    function done(): void {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
