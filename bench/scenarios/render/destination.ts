import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { within } from '../../wait.js';

interface Waiter {
  readonly name: string;
  readonly text: string;
  readonly resolve: (at: number) => void;
}

/** Sees files swapped in, by the kernel's own notification of the rename. */
export class Destinations {
  readonly #folder: string;
  readonly #watcher: FSWatcher;
  #waiters: Waiter[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.#watcher = watch(folder, (_, name) => this.#check(performance.now(), name));
  }

  /** The time at which `name` was swapped for a file that holds `text`; now, if it is there already. */
  holds(name: string, text: string, limitMs = 20_000): Promise<number> {
    const seen = new Promise<number>((resolve) => {
      this.#waiters.push({ name, text, resolve });
      this.#check(performance.now(), name);
    });
    return within(limitMs, `${JSON.stringify(text)} in ${name}`, seen);
  }

  close(): void {
    this.#watcher.close();
  }

  /** The time is taken before the file is read: reading it isn't part of the swap. */
  #check(at: number, name: string | null): void {
    const waiting = this.#waiters.filter((waiter) => name === null || waiter.name === name);
    for (const waiter of waiting) {
      if (!this.#read(waiter.name).includes(waiter.text)) continue;
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      waiter.resolve(at);
    }
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), 'utf8');
    } catch {
      return '';
    }
  }
}
