import type { Clock, Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { ExecChild, ExecEnd, ExecSettings, StartChild } from './types.js';

export interface SupervisorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly start: StartChild;
}

/** Sent on to the child. SIGTERM and SIGINT end the daemon, which ends the child; SIGHUP reads its configuration again. */
export const FORWARDED_SIGNALS = ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH', 'SIGCONT', 'SIGALRM'] as const;

/** How long what a child has left running gets to end, once the child itself has. */
const LEFT_BEHIND_MS = 1_000;

/**
 * Keeps one child running on the files: started when they are complete, told when they change, ended with the daemon.
 * A child that ends by itself ends the daemon: whoever started that knows what to do.
 */
export class Supervisor {
  readonly #settings: ExecSettings;
  readonly #ports: SupervisorPorts;
  /** Resolves when the child ends though nobody ended it. */
  readonly ended: Promise<ExecEnd>;
  #endedByItself: (end: ExecEnd) => void = () => undefined;
  #child: ExecChild | undefined;
  #splay: Timer | undefined;
  #restarting: Promise<void> | undefined;
  #stopping: Promise<ExecEnd | undefined> | undefined;

  constructor(settings: ExecSettings, ports: SupervisorPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.ended = new Promise((resolve) => {
      this.#endedByItself = resolve;
    });
  }

  /** The files are complete. Only the first call starts the child. */
  start(): void {
    if (this.#child === undefined && this.#stopping === undefined) this.#launch();
  }

  /** Files have changed: a reload follows, one for all that changes until it begins, or until a new child starts. */
  changed(): void {
    if (this.#child === undefined || this.#stopping !== undefined) return;
    if (this.#splay !== undefined || this.#restarting !== undefined) return;
    const { clock, random } = this.#ports;
    const delayMs = random.float() * this.#settings.splayMs;
    if (delayMs === 0) this.#reload();
    else this.#splay = clock.schedule(delayMs, () => this.#reload());
  }

  /** Sends a signal on. Before there is a child, and while it is ended, nobody is there to get it. */
  signal(signal: NodeJS.Signals): void {
    if (this.#stopping === undefined && this.#restarting === undefined) this.#child?.signal(signal);
  }

  /** Ends the child in good order. Undefined: there was none. */
  stop(): Promise<ExecEnd | undefined> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Kills what is there, now. */
  async kill(): Promise<void> {
    await this.#child?.endGroup(0);
  }

  async #stop(): Promise<ExecEnd | undefined> {
    this.#splay?.cancel();
    await this.#restarting;
    return this.#child === undefined ? undefined : this.#end(this.#child);
  }

  #launch(): void {
    const { command } = this.#settings;
    const child = this.#ports.start(command);
    this.#child = child;
    this.#ports.log.info({ command, pid: child.pid }, 'started the supervised command');
    void child.ended.then((end) => {
      if (this.#child !== child || this.#stopping !== undefined || this.#restarting !== undefined) return;
      const { log } = this.#ports;
      log.error({ command, ...end }, end.failure ?? 'the supervised command has ended by itself');
      this.#splay?.cancel();
      // What it has started must not outlive it.
      void child.endGroup(LEFT_BEHIND_MS).then(() => this.#endedByItself(end));
    });
  }

  #reload(): void {
    this.#splay = undefined;
    const { reloadSignal } = this.#settings;
    if (reloadSignal !== undefined) {
      this.#ports.log.info({ signal: reloadSignal }, 'files have changed: signalled the supervised command');
      this.#child?.signal(reloadSignal);
      return;
    }
    this.#ports.log.info({}, 'files have changed: restarting the supervised command');
    this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    const child = this.#child;
    if (child !== undefined) await this.#end(child);
    this.#restarting = undefined;
    if (this.#stopping !== undefined) {
      this.#child = undefined;
      return;
    }
    this.#launch();
  }

  async #end(child: ExecChild): Promise<ExecEnd> {
    const { clock, log } = this.#ports;
    const { killSignal, killTimeoutMs } = this.#settings;
    child.signal(killSignal);
    const timer = clock.schedule(killTimeoutMs, () => {
      log.warn(
        { killTimeoutMs, signal: killSignal },
        'the supervised command did not end in time: killing it',
      );
      void child.endGroup(0);
    });
    const end = await child.ended;
    timer.cancel();
    await child.endGroup(LEFT_BEHIND_MS);
    return end;
  }
}
