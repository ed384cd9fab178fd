import type { Result } from './run.js';

const TAIL_LINES = 60;

/** What was found, how to see it again, and what happened just before. */
export function describeFinding({ seed, profile, finding, tail }: Result): string {
  const lines = [
    '',
    ...tail.slice(-TAIL_LINES),
    `seed ${seed} (${profile}): ${finding?.rule}: ${finding?.what}`,
    `replay: npm run sim -- --seed ${seed} --trace`,
    '',
  ];
  return lines.join('\n');
}

/** Which seed has found a planted fault, and how. */
export function describeHunt(name: string, result: Result | undefined): string {
  if (result === undefined) return `${name}: NOT FOUND`;
  const { seed, profile, finding } = result;
  return `${name}: found by seed ${seed} (${profile}): ${finding?.rule}: ${finding?.what.split('\n')[0]}`;
}

/** Adds up results, for the one line at the end. */
export class Summary {
  readonly failed: number[] = [];
  readonly #beganMs = performance.now();
  readonly #sums = new Map<string, number>();
  readonly #outcomes = new Map<string, number>();
  readonly #faults = new Map<string, number>();

  add({ seed, finding, virtualMs, lines, elections, revisions, counters }: Result): void {
    if (finding !== undefined) this.failed.push(seed);
    const { crashes, halts, installs, watched, outcomes, faults } = counters;
    addAll(this.#sums, {
      seeds: 1,
      virtualMs,
      lines,
      elections,
      revisions,
      crashes,
      halts,
      installs,
      watched,
    });
    addAll(this.#outcomes, outcomes);
    addAll(this.#faults, faults);
  }

  line(): string {
    const of = (name: string) => this.#sums.get(name) ?? 0;
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, count]) => `${count} ${name}`)
        .join(', ');
    const seconds = (performance.now() - this.#beganMs) / 1_000;
    return [
      `${of('seeds')} seeds (${this.failed.length} failed${this.failed.length > 0 ? `: ${this.failed.join(' ')}` : ''})`,
      `${(of('virtualMs') / 3_600_000).toFixed(2)} virtual hours in ${seconds.toFixed(1)} s`,
      `${of('lines')} events`,
      `${of('elections')} elections`,
      `${of('crashes')} crashes`,
      `${of('halts')} members gave up`,
      `${of('installs')} snapshots installed`,
      `${of('revisions')} revisions`,
      `${of('watched')} told to watchers`,
      `operations: ${list(this.#outcomes)}`,
      `faults: ${list(this.#faults)}`,
    ].join('; ');
  }
}

function addAll(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
}
