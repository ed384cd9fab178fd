import type { Client } from '../../client/client.js';
import type { Clock, Timer } from '../../io/clock.js';

/** Between two questions; milliseconds. */
const ASK_MS = 1_000;

/** The files that the daemon hasn't brought to what the keys say, asked for again and again for who watches a wait. */
export class AwaitedFiles {
  readonly #client: Pick<Client, 'renderStatus'>;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #closed = false;
  #dests: readonly string[] = [];

  constructor(client: Pick<Client, 'renderStatus'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#askIn(ASK_MS / 2);
  }

  /** As they were when last asked for; none before that. */
  get dests(): readonly string[] {
    return this.#dests;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #askIn(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    try {
      const { resources } = await this.#client.renderStatus();
      this.#dests = resources.filter(({ state }) => state === 'pending').map(({ dest }) => dest);
    } catch {
      // Only for show: the wait itself says what is wrong.
      this.#dests = [];
    }
    if (!this.#closed) this.#askIn(ASK_MS);
  }
}
