import { readdir, readFile } from 'node:fs/promises';
import { systemCode } from '../base/errors.js';
import { type Clock, sleep } from '../io/clock.js';

/** How soon a group that was told to end is looked at first; each further look waits twice as long. */
const FIRST_LOOK_MS = 10;
const MAX_LOOK_MS = 160;

/**
 * Ends a process group: SIGTERM, and SIGKILL after `graceMs` for what is still there. Resolves when nothing of it runs any
 * more, or was sent SIGKILL.
 */
export async function endGroup(leader: number, graceMs: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonicMs() + graceMs;
  signalGroup(leader, 'SIGTERM');
  for (let wait = FIRST_LOOK_MS; clock.monotonicMs() < deadline; wait = Math.min(wait * 2, MAX_LOOK_MS)) {
    await sleep(clock, Math.min(wait, deadline - clock.monotonicMs()));
    if (!(await isRunning(leader))) return;
  }
  signalGroup(leader, 'SIGKILL');
}

/**
 * Whether a process of the group still runs. Ended ones that nobody waits for don't count: in a container whose first
 * process adopts without waiting they stay for ever, and the signal would find them.
 */
async function isRunning(leader: number): Promise<boolean> {
  if (!signalGroup(leader, 0)) return false;
  try {
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const states = await Promise.all(
      processes.map((id) => readFile(`/proc/${id}/stat`, 'latin1').catch(() => '')),
    );
    // `pid (name) state parent group …`; the name may hold anything.
    return states.some((stat) => {
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return group === String(leader) && state !== 'Z' && state !== 'X';
    });
  } catch {
    // No /proc: the signal has found something.
    return true;
  }
}

/** False: no process of the group is left. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    // EPERM: it is there, under another user.
    return systemCode(error) !== 'ESRCH';
  }
}
