import type { Clock, Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';

/** Where a status line may be shown: standard error. */
export interface StatusStream {
  readonly isTTY?: boolean;
  /** Cells of a line. */
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly stream: StatusStream;
  readonly clock: Clock;
  /** `TERM=dumb` has no line that could be redrawn. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False: never, whatever the stream is: logs as JSON are for a program. */
  readonly wanted?: boolean;
}

/** What is waited for or worked on; `elapsedMs`: since it began. Undefined: nothing worth a line at the moment. */
export type Description = (elapsedMs: number) => string | undefined;

/** What takes no longer than this is not mentioned. */
const PATIENCE_MS = 500;
/** Of a terminal that doesn't say, or says 0. */
const USUAL_COLUMNS = 80;
/** Between two redrawings, at least. */
const REDRAW_MS = 100;

const CLEAR = '\r\u001b[2K';

/**
 * One status line at the end of a terminal's output, for whoever wonders what takes so long: it comes after half a second,
 * tells how long it has been, and is gone before anything else is written. On a pipe there is none.
 */
export class Progress {
  readonly #stream: StatusStream;
  readonly #clock: Clock;
  readonly #enabled: boolean;
  #describe: Description | undefined;
  #sinceMs = 0;
  #drawn = '';
  #notBeforeMs = 0;
  #timer: Timer | undefined;

  constructor({ stream, clock, env, wanted = true }: ProgressOptions) {
    this.#stream = stream;
    this.#clock = clock;
    this.#enabled = wanted && stream.isTTY === true && env.TERM !== 'dumb';
  }

  /** Whether there is anybody to show anything to. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Something has begun, or goes over into something else; it takes until `done`. */
  show(describe: Description): void {
    if (!this.#enabled) return;
    const isFirst = this.#describe === undefined;
    this.#describe = describe;
    this.#sinceMs = this.#clock.monotonicMs();
    if (isFirst) {
      this.#notBeforeMs = this.#sinceMs + PATIENCE_MS;
      this.#tick(PATIENCE_MS);
    } else this.#drawIfDue();
  }

  /** All is done: the line is gone. */
  done(): void {
    this.#describe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#erase();
  }

  /** Writes something else where the line is: the line makes room, and comes back if nothing else follows at once. */
  around<T>(write: () => T): T {
    this.#erase();
    if (this.#describe !== undefined)
      this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#clock.monotonicMs() + REDRAW_MS);
    return write();
  }

  /** The same log, for which the line makes room. */
  log(log: Log): Log {
    if (!this.#enabled) return log;
    const at =
      (level: keyof Log) =>
      (fields: object, message: string): void =>
        this.around(() => log[level](fields, message));
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  #tick(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#tick(REDRAW_MS);
      this.#drawIfDue();
    });
  }

  /** Also called by work that lets no timer run for a while. */
  #drawIfDue(): void {
    if (this.#clock.monotonicMs() >= this.#notBeforeMs) this.#draw();
  }

  #draw(): void {
    const nowMs = this.#clock.monotonicMs();
    const text = this.#describe?.(nowMs - this.#sinceMs) ?? '';
    const line = fitted(text, (this.#stream.columns || USUAL_COLUMNS) - 1);
    if (line === this.#drawn) return;
    this.#notBeforeMs = nowMs + REDRAW_MS;
    if (line === '') this.#erase();
    else this.#stream.write(`${CLEAR}${line}`);
    this.#drawn = line;
  }

  #erase(): void {
    if (this.#drawn === '') return;
    this.#drawn = '';
    this.#stream.write(CLEAR);
  }
}

/** `3 s`, `2 min 5 s`. */
export function waited(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Names of which at most three are shown. */
export function few(names: readonly string[]): string {
  const more = names.length - 3;
  return more > 0 ? `${names.slice(0, 3).join(', ')} and ${more} more` : names.join(', ');
}

/** Cut to so many cells: a line that wraps couldn't be cleared. What isn't Latin may be two cells wide. */
function fitted(text: string, cells: number): string {
  const plain = text.replace(/\p{Cc}/gu, '\u{fffd}');
  if (widthOf(plain) <= cells) return plain;
  let line = '';
  let width = DOTS.length;
  for (const character of plain) {
    width += widthOf(character);
    if (width > cells) break;
    line += character;
  }
  return `${line}${DOTS}`;
}

const DOTS = '...';

function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += (character.codePointAt(0) ?? 0) > 0xff ? 2 : 1;
  return width;
}
