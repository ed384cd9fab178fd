import type { Kind } from './servers.js';
import { table } from './table.js';

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly confetd: number | undefined;
  readonly etcd: number | undefined;
  /** The median of the rounds' ratios; above 1, confetd is better. */
  readonly ratio: number | undefined;
  readonly mark: string;
  /** Undefined: there is no mark, or nothing to hold against it. */
  readonly reached: boolean | undefined;
}

/** What a figure is to reach, from its medians. */
export interface Mark {
  readonly text: string;
  holds(confetd: number, ratio: number | undefined): boolean | undefined;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly mark?: Mark;
}

export function atLeast(ratio: number): Mark {
  return {
    text: `ratio ≥ ${ratio}`,
    holds: (_, measured) => (measured === undefined ? undefined : measured >= ratio),
  };
}

export function betterThanPeer(): Mark {
  return {
    text: 'better than etcd',
    holds: (_, measured) => (measured === undefined ? undefined : measured > 1),
  };
}

export function below(limit: number, unit: string): Mark {
  return { text: `< ${limit} ${unit}`, holds: (confetd) => confetd < limit };
}

export function atMost(limit: number, unit: string): Mark {
  return { text: `≤ ${limit} ${unit}`, holds: (confetd) => confetd <= limit };
}

export function exactly(value: number): Mark {
  return { text: `exactly ${value}`, holds: (confetd) => confetd === value };
}

interface Failure {
  readonly name: string;
  readonly kind: Kind;
  readonly reason: string;
}

export class Report {
  readonly #figures = new Map<string, { figure: Figure; values: Map<Kind, Map<number, number>> }>();
  readonly #failures: Failure[] = [];
  /** Which round the figures to come are of: ratios are of one round. */
  round = 1;

  add(figure: Figure, kind: Kind, value: number): void {
    if (!Number.isFinite(value)) throw new Error(`${figure.name}: ${value} is not a figure`);
    const known = this.#figures.get(figure.name) ?? { figure, values: new Map<Kind, Map<number, number>>() };
    this.#figures.set(figure.name, known);
    const rounds = known.values.get(kind) ?? new Map<number, number>();
    known.values.set(kind, rounds.set(this.round, value));
  }

  failed(name: string, kind: Kind, reason: string): void {
    this.#failures.push({ name, kind, reason });
    process.stderr.write(`${name} (${kind}) failed: ${reason}\n`);
  }

  get failures(): readonly Failure[] {
    return this.#failures;
  }

  rows(): Row[] {
    return [...this.#figures.values()].map(({ figure, values }) => {
      const ours = values.get('confetd') ?? new Map<number, number>();
      const theirs = values.get('etcd') ?? new Map<number, number>();
      const ratios = figure.better === 'higher' ? pair(ours, theirs) : pair(theirs, ours);
      const ratio = ratios.length > 0 ? median(ratios) : undefined;
      const confetd = ours.size > 0 ? median([...ours.values()]) : undefined;
      return {
        name: figure.name,
        unit: figure.unit,
        confetd,
        etcd: theirs.size > 0 ? median([...theirs.values()]) : undefined,
        ratio,
        mark: figure.mark?.text ?? '',
        reached: confetd === undefined ? undefined : figure.mark?.holds(confetd, ratio),
      };
    });
  }

  /** Every value, by figure, kind and round. */
  rounds(): Record<string, Record<string, Record<string, number>>> {
    return Object.fromEntries(
      [...this.#figures].map(([name, { values }]) => [
        name,
        Object.fromEntries([...values].map(([kind, rounds]) => [kind, Object.fromEntries(rounds)])),
      ]),
    );
  }

  print(): void {
    const rows = this.rows().map((row) => [
      `${row.name} [${row.unit}]`,
      format(row.confetd),
      format(row.etcd),
      row.ratio?.toFixed(2) ?? '–',
      row.mark,
      row.reached === undefined ? '' : row.reached ? 'reached' : 'missed',
    ]);
    process.stdout.write(table(['', 'confetd', 'etcd', 'ratio', 'mark', ''], rows));
    for (const { name, kind, reason } of this.#failures) {
      process.stdout.write(`no figure: ${name} (${kind}): ${reason}\n`);
    }
  }
}

/** Of the rounds in which neither failed. */
function pair(over: ReadonlyMap<number, number>, under: ReadonlyMap<number, number>): number[] {
  return [...over].flatMap(([round, value]) => {
    const other = under.get(round);
    return other === undefined ? [] : [value / other];
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function format(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  if (Number.isInteger(value)) return String(value);
  return value.toPrecision(3);
}
