import { execFile } from 'node:child_process';
import { messageOf } from '../../base/errors.js';
import type { Clock, Timer } from '../clock.js';
import type { Log } from '../log.js';

export interface SdNotifyOptions {
  /** Of this process: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID (sd_notify(3), sd_watchdog_enabled(3)). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
}

const TIMEOUT_MS = 5_000;
/** Keep-alives go out at this part of the watchdog's time, as sd_watchdog_enabled(3) advises. */
const WATCHDOG_PART = 0.5;

/**
 * Tells systemd how this process is. Node can't open the datagram socket that systemd listens on, so each message is sent
 * by systemd's own systemd-notify: the unit needs NotifyAccess=all. Outside of systemd nothing is done.
 */
export class SdNotify {
  readonly #options: SdNotifyOptions;
  #timer: Timer | undefined;
  #closed = false;
  #failed = false;

  constructor(options: SdNotifyOptions) {
    this.#options = options;
  }

  get enabled(): boolean {
    return (this.#options.env.NOTIFY_SOCKET ?? '') !== '';
  }

  /** Milliseconds within which systemd wants to hear of this process; undefined: it doesn't. */
  get watchdogMs(): number | undefined {
    const { env, pid } = this.#options;
    const microseconds = Number(env.WATCHDOG_USEC);
    const isOurs =
      env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === '' || Number(env.WATCHDOG_PID) === pid;
    return this.enabled && isOurs && Number.isSafeInteger(microseconds) && microseconds > 0
      ? microseconds / 1000
      : undefined;
  }

  /** The first full pass is done: units that are ordered after this one may start. */
  ready(status: string): Promise<void> {
    return this.#send('READY=1', `STATUS=${oneLine(status)}`);
  }

  status(status: string): Promise<void> {
    return this.#send(`STATUS=${oneLine(status)}`);
  }

  /** It is going down: what is still running is not a failure. */
  stopping(): Promise<void> {
    return this.#send('STOPPING=1');
  }

  /** Says again and again that all is well, for as long as `healthy` resolves with true; without a watchdog, nothing. */
  watch(healthy: () => Promise<boolean>): void {
    const everyMs = this.watchdogMs;
    if (everyMs === undefined || this.#closed) return;
    this.#timer = this.#options.clock.schedule(everyMs * WATCHDOG_PART, () => {
      void this.#look(healthy).finally(() => this.watch(healthy));
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(healthy: () => Promise<boolean>): Promise<void> {
    const isWell = await healthy().catch(() => false);
    if (isWell && !this.#closed) await this.#send('WATCHDOG=1');
  }

  async #send(...fields: readonly string[]): Promise<void> {
    const { env, log } = this.#options;
    if (!this.enabled) return;
    const failure = await new Promise<Error | null>((resolve) => {
      const settings = { env: { ...env }, timeout: TIMEOUT_MS };
      execFile('systemd-notify', [...fields], settings, (error) => resolve(error));
    });
    if (failure === null || this.#failed) return;
    this.#failed = true;
    log.warn({ error: messageOf(failure) }, 'systemd-notify failed: systemd is not told how this process is');
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ');
}
