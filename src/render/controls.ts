import { ConfetdError } from '../base/errors.js';
import { findTarget } from './find-target.js';
import type { Fleet } from './fleet.js';
import type { Target } from './target.js';
import type { World } from './world.js';

export interface ControlsPorts {
  readonly world: World;
  readonly fleet: Fleet;
  /** These targets are to be looked at. */
  start(targets: readonly Target[]): void;
  /** All are, and the reloads that are owed. */
  catchUp(): void;
}

/** What a person tells a renderer to do with its files. */
export class Controls {
  readonly #ports: ControlsPorts;

  constructor(ports: ControlsPorts) {
    this.#ports = ports;
  }

  async pause(dest: string, forMs: number): Promise<void> {
    const { world, fleet } = this.#ports;
    const targets = dest === '' ? [...fleet.targets] : [findTarget(fleet.targets, dest)];
    await world.pauses.pause(dest, forMs);
    this.#ports.start(targets);
  }

  async resume(dest: string): Promise<void> {
    const { world, fleet } = this.#ports;
    if (dest !== '') findTarget(fleet.targets, dest);
    if (!(await world.pauses.resume(dest))) {
      const what = dest === '' ? 'nothing' : dest;
      throw new ConfetdError('not_found', `${what} is${dest === '' ? '' : ' not'} paused`);
    }
    this.#ports.catchUp();
  }

  async accept(dest: string): Promise<void> {
    const { world, fleet } = this.#ports;
    const target = findTarget(fleet.targets, dest);
    const release = await target.acquire();
    try {
      target.forgetOrigin();
      await world.states.save(target.state);
    } finally {
      release();
    }
    target.trigger = 'accept';
    this.#ports.start([target]);
  }
}
