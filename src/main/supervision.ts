import { childStarter, exitCodeOf } from '../exec/child.js';
import { FORWARDED_SIGNALS, Supervisor } from '../exec/supervisor.js';
import type { ExecSettings } from '../exec/types.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { NodeRandom } from '../io/node/random.js';
import type { RenderEvent } from '../render/events.js';

export interface SupervisionPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** The command has ended by itself, with this exit code. */
  readonly ended: (exitCode: number) => void;
}

/** The command that lives on the files, tied to the renderer's events and to this process's signals. */
export class Supervision {
  readonly #supervisor: Supervisor;
  readonly #kill = (): void => void this.#supervisor.kill();
  readonly #forward = (signal: NodeJS.Signals): void => this.#supervisor.signal(signal);

  constructor(settings: ExecSettings, { clock, log, ended }: SupervisionPorts) {
    this.#supervisor = new Supervisor(settings, {
      clock,
      log,
      random: new NodeRandom(),
      start: childStarter(clock),
    });
    void this.#supervisor.ended.then((end) => ended(exitCodeOf(end)));
    for (const signal of FORWARDED_SIGNALS) process.on(signal, this.#forward);
    // It leads a group of its own: however this process ends, it must not stay behind.
    process.on('exit', this.#kill);
  }

  take({ type }: RenderEvent): void {
    if (type === 'complete') this.#supervisor.start();
    else if (type === 'applied' || type === 'pruned') this.#supervisor.changed();
  }

  /** Ends the command in good order. */
  async close(): Promise<void> {
    await this.#supervisor.stop();
    process.off('exit', this.#kill);
    for (const signal of FORWARDED_SIGNALS) process.off(signal, this.#forward);
  }
}
