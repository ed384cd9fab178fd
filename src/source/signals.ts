/** Wakes whoever waits for the next change, and fails them where no change will be told any more. */
export class ChangeSignal {
  #count = 0;
  #failure: Error | undefined;
  #waiting = new Set<() => void>();

  /** What was told so far; to be taken before reading. */
  get count(): number {
    return this.#count;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  tell(): void {
    this.#count++;
    this.#wake();
  }

  /** For good: the first failure counts. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** Resolves when more than `count` was told, or with the signal; rejects after a failure. */
  async after(count: number, signal: AbortSignal): Promise<void> {
    while (this.#count === count && !signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** The task's outcome, or a rejection as soon as the signal aborts, when `stop` is called to end the task. */
export async function orAborted<Result>(
  task: Promise<Result>,
  signal: AbortSignal,
  stop: () => void,
): Promise<Result> {
  let end = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    end = () => {
      stop();
      reject(signal.reason instanceof Error ? signal.reason : new Error('cancelled'));
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
    task.catch(() => undefined);
  }
}
