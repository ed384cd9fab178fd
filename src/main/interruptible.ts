import type { StatusStream } from '../cli/progress.js';

/** Clears a terminal's line. */
const CLEAR = '\r\u001b[2K';
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A terminal for a status line that doesn't stay where a signal ends the process: the shell's prompt would stand behind it. */
export function interruptible(terminal: NodeJS.WriteStream): StatusStream {
  let isWatched = false;
  const watch = (): void => {
    isWatched = true;
    for (const signal of SIGNALS) {
      process.once(signal, () => {
        terminal.write(CLEAR);
        // Who else listens ends the process in its own time; nobody does: as the signal would have.
        if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
      });
    }
  };
  return {
    get isTTY() {
      return terminal.isTTY;
    },
    get columns() {
      return terminal.columns;
    },
    write(text) {
      if (!isWatched) watch();
      return terminal.write(text);
    },
  };
}
