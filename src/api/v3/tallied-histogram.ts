import { Histogram, type HistogramConfiguration } from 'prom-client';
import type { RenderHistogram } from '../../proto/generated/render.js';

/** One histogram's observations as they were counted elsewhere, and the labels that they stand under. */
export interface Tally {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: RenderHistogram;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A histogram whose observations another thread counts: it is asked for them at each scrape. */
export class TalliedHistogram extends Histogram {
  readonly #config: HistogramConfiguration<string>;
  readonly #tallies: () => Promise<readonly Tally[]>;

  constructor(config: HistogramConfiguration<string>, tallies: () => Promise<readonly Tally[]>) {
    super(config);
    this.#config = config;
    this.#tallies = tallies;
  }

  /** What the registry takes the text of a scrape from; its types don't have it. */
  async getForPromString() {
    const { name, help } = this.#config;
    const tallies = await this.#tallies();
    return {
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: tallies.flatMap((tally) => samplesOf(name, tally)),
    };
  }
}

function samplesOf(name: string, { labels, histogram }: Tally): Sample[] {
  const { bounds, counts, sum } = histogram;
  const sample = (suffix: string, value: number, le?: number | string): Sample => ({
    metricName: `${name}_${suffix}`,
    labels: le === undefined ? {} : { le },
    sharedLabels: labels,
    value,
  });
  let upTo = 0;
  const buckets = bounds.map((bound, at) => {
    upTo += counts[at] ?? 0;
    return sample('bucket', upTo, bound);
  });
  const count = counts.reduce((total, one) => total + one, 0);
  return [...buckets, sample('bucket', count, '+Inf'), sample('sum', sum), sample('count', count)];
}
