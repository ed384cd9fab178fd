import type { Prng } from '../../../src/base/prng.js';
import type { Hello } from '../../../src/proto/generated/peer.js';
import type { Message } from '../../../src/proto/generated/raft.js';
import type { VirtualClock } from '../clock.js';
import type { Trace } from '../trace.js';
import type { Endpoint } from './endpoint.js';
import { FAIR, lateMs, travelMs, type Weather } from './weather.js';

export interface WiresOptions {
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly trace: Trace;
  /** Sees every raft message as it is sent, for the invariants. */
  readonly sent?: (by: Endpoint, message: Message) => void;
  /** A process has let another in. */
  readonly admitted?: (by: Endpoint, whom: Hello) => void;
}

/** What the sender of a parcel hears of it, in its own process. */
export interface Fate {
  /** On a connection, nothing arrives before what was sent before; unless the weather reorders. */
  readonly stream?: Stream;
  /** Not lost, doubled or reordered by the weather: retransmitted below us. It still can't cross a cut. */
  readonly reliable?: boolean;
  /** Nobody is there any more, or nothing gets through. Without it the sender learns nothing. */
  readonly undeliverable?: () => void;
}

/** When the newest parcel of a connection arrives. */
export interface Stream {
  lastArrivalMs: number;
}

/**
 * All that joins the machines. A parcel is a function that runs in the receiver's process when it arrives; what it
 * closes over was encoded to bytes at sending.
 */
export class Wires {
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly trace: Trace;
  readonly sent: (by: Endpoint, message: Message) => void;
  readonly admitted: (by: Endpoint, whom: Hello) => void;
  weather: Weather = FAIR;
  delivered = 0;
  dropped = 0;
  /** Directions that are cut: `from>to`, by machine. */
  readonly #cuts = new Set<string>();
  /** Who listens where. */
  readonly #listeners = new Map<string, Endpoint>();

  constructor({ clock, prng, trace, sent, admitted }: WiresOptions) {
    this.clock = clock;
    this.prng = prng;
    this.trace = trace;
    this.sent = sent ?? (() => undefined);
    this.admitted = admitted ?? (() => undefined);
  }

  listen(url: string, endpoint: Endpoint): void {
    this.#listeners.set(url, endpoint);
  }

  /** Who listens on a URL now; undefined: nobody, or a process that has ended. */
  listenerAt(url: string): Endpoint | undefined {
    const endpoint = this.#listeners.get(url);
    return endpoint?.alive === true ? endpoint : undefined;
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  mend(): void {
    this.#cuts.clear();
  }

  get isCut(): boolean {
    return this.#cuts.size > 0;
  }

  reaches(from: string, to: string): boolean {
    return !this.#cuts.has(`${from}>${to}`);
  }

  /** Sends something from one process to another. */
  carry(from: Endpoint, to: Endpoint, arrive: () => void, fate: Fate = {}): void {
    const { weather, prng } = this;
    const { reliable = false, stream } = fate;
    if (!reliable && weather.loss > 0 && prng.chance(weather.loss)) {
      this.dropped++;
      return;
    }
    this.#travel(from, to, arrive, travelMs(weather, prng), fate);
    // What a connection broken and made again may do: the receiver sees a message twice.
    if (!reliable && stream !== undefined && weather.duplication > 0 && prng.chance(weather.duplication)) {
      this.#travel(from, to, arrive, lateMs(weather, prng), {});
    }
  }

  #travel(
    from: Endpoint,
    to: Endpoint,
    arrive: () => void,
    takesMs: number,
    { stream, reliable, undeliverable }: Fate,
  ): void {
    const { clock, weather } = this;
    let atMs = clock.monotonicMs() + takesMs;
    if (stream !== undefined && (reliable === true || !weather.reordering)) {
      atMs = Math.max(atMs, stream.lastArrivalMs);
      stream.lastArrivalMs = atMs;
    }
    // Where the cut is on its way: it may have passed there already, or not have come to it yet.
    const passed = this.prng.chance(0.5) && this.reaches(from.machine, to.machine);
    clock.schedule(atMs - clock.monotonicMs(), () => {
      if (to.alive && (passed || this.reaches(from.machine, to.machine))) {
        this.delivered++;
        to.process.enter(arrive);
        return;
      }
      this.dropped++;
      if (undeliverable === undefined) return;
      // A reset comes at once; of a host that is gone or cut off one learns by silence.
      const resetMs = this.reaches(to.machine, from.machine) ? travelMs(this.weather, this.prng) : 500;
      clock.schedule(resetMs, () => from.process.enter(undeliverable));
    });
  }
}
