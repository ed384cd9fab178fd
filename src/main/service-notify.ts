import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { SdNotify } from '../io/node/sd-notify.js';
import type { RenderEvent } from '../render/events.js';
import type { Rendering } from './rendering.js';

/** How systemd is reached; not for the commands that this process starts: they would speak for it. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/** Takes the variables of systemd out of this process's environment, before any command or thread inherits them. */
export function takeNotify(
  env: NodeJS.ProcessEnv,
  clock: Clock,
  log: Log,
  watchdogIntervalMs: number,
): SdNotify {
  const variables = { ...env, WATCHDOG_USEC: watchdogTime(env.WATCHDOG_USEC, watchdogIntervalMs) };
  const notify = new SdNotify({ env: variables, pid: process.pid, clock, log });
  for (const name of VARIABLES) delete env[name];
  return notify;
}

/** The watchdog's time of which a sign of life goes out each half: --watchdog-interval twice, and never more than systemd's. */
function watchdogTime(microseconds: string | undefined, intervalMs: number): string | undefined {
  if (microseconds === undefined || intervalMs <= 0) return microseconds;
  const asked = Math.round(intervalMs * 2_000);
  return String(Math.min(Number(microseconds), asked));
}

/** What `systemctl status` shows after the first full pass. */
export function readyStatus({ inSync, written, failed, held }: RenderEvent & { type: 'ready' }): string {
  const counts = { 'in sync': inSync, written, failed, held };
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return `files: ${shown.map(([what, count]) => `${count} ${what}`).join(', ') || 'none'}`;
}

/**
 * Whether the watchdog may be told that all is well. Being asked shows that the event loop turns; a renderer that hangs
 * doesn't answer. One that is away is started again by this process itself.
 */
export async function isWell(rendering: Pick<Rendering, 'status'> | undefined): Promise<boolean> {
  try {
    await rendering?.status();
    return true;
  } catch (error) {
    return error instanceof ConfetdError && error.code === 'unavailable';
  }
}
