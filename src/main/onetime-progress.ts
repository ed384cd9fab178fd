import { relative } from 'node:path';
import { few, Progress, type StatusStream, waited } from '../cli/progress.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Activity } from '../render/activity.js';
import type { SourceSpec } from '../render/messages.js';
import { placesOf } from './announce-source.js';

/** What a one-shot, or a preview, shows on a terminal while it takes long: the backend that it waits for, the file, the command. */
export class OnetimeProgress {
  readonly #progress: Progress;
  #count = 0;
  readonly #begun = new Set<string>();

  /** `format` `json`: its output is for a program. */
  constructor(clock: Clock, format: string, stream: StatusStream = process.stderr, env = process.env) {
    this.#progress = new Progress({ stream, clock, env, wanted: format !== 'json' });
  }

  /** A log, and a stream, for which the line makes room. */
  log(log: Log): Log {
    return this.#progress.log(log);
  }

  out(text: string): void {
    this.#progress.around(() => process.stdout.write(text));
  }

  loading(spec: SourceSpec): void {
    const places = few(placesOf(spec));
    this.#progress.show((elapsedMs) => `waiting for the backend at ${places} for ${waited(elapsedMs)}`);
  }

  readonly take = (activity: Activity): void => {
    if (!this.#progress.enabled) return;
    switch (activity.type) {
      case 'files':
        // With --failure-mode fail-fast, one after another.
        this.#count += activity.count;
        return;
      case 'rendering': {
        this.#begun.add(`${activity.revision ?? ''} ${activity.dest}`);
        const at = `rendering ${this.#begun.size} of ${Math.max(this.#count, this.#begun.size)}`;
        this.#progress.show(() => `${at}: ${short(activity.dest)}`);
        return;
      }
      case 'command': {
        const files = few(activity.dests.map(short));
        this.#progress.show((elapsedMs) => `running ${activity.kind} of ${files} for ${waited(elapsedMs)}`);
      }
    }
  };

  end(): void {
    this.#progress.done();
  }
}

function short(dest: string): string {
  const path = relative(process.cwd(), dest);
  return path.startsWith('..') || path === '' ? dest : path;
}
