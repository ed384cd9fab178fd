import type { RenderHistogram } from '../proto/generated/render.js';

/** Seconds; a value is counted at the first bound that it doesn't exceed, or above all. */
class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(seconds: number): void {
    const found = this.#bounds.findIndex((bound) => seconds <= bound);
    const at = found < 0 ? this.#bounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  snapshot(name: string): RenderHistogram {
    return { name, bounds: [...this.#bounds], counts: [...this.#counts], sum: this.#sum };
  }
}

/** Seconds: most renders take less than a millisecond, most commands more than ten. */
const RENDERS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMANDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const BOUNDS = { render: RENDERS, latency: RENDERS, check: COMMANDS, verify: COMMANDS, reload: COMMANDS };

/** `render`: one run of a template, lookups included; `latency`: from a commit to the swap that it caused. */
export type Meter = keyof typeof BOUNDS;

/** How long things took since the start. Not told apart by file: with thousands of them that would cost too many series. */
export class Meters {
  readonly #histograms = new Map<string, Histogram>(
    Object.entries(BOUNDS).map(([name, bounds]) => [name, new Histogram(bounds)]),
  );

  observe(meter: Meter, durationMs: number): void {
    this.#histograms.get(meter)?.observe(Math.max(0, durationMs) / 1000);
  }

  snapshot(): RenderHistogram[] {
    return [...this.#histograms].map(([name, histogram]) => histogram.snapshot(name));
  }
}
