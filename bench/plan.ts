import { Report } from './report.js';
import type { Kind } from './servers.js';

/** What a run was asked for, and what its scenarios report to. */
export class Bench {
  readonly report = new Report();
  readonly kinds: readonly Kind[];
  readonly rounds: number;
  readonly millionRounds: number;
  /** Smaller loads: to see that everything works, not for figures. */
  readonly quick: boolean;

  constructor(options: { kinds: readonly Kind[]; rounds: number; millionRounds: number; quick: boolean }) {
    this.kinds = options.kinds;
    this.rounds = options.rounds;
    this.millionRounds = options.millionRounds;
    this.quick = options.quick;
  }

  /** Every kind in every round; who goes first alternates, so that neither has the machine's better moments. */
  async interleaved(part: string, run: (kind: Kind) => Promise<void>, rounds = this.rounds): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      this.report.round = round + 1;
      const kinds = round % 2 === 0 ? this.kinds : [...this.kinds].reverse();
      for (const kind of kinds) {
        const began = performance.now();
        await this.attempt(part, kind, () => run(kind));
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        process.stderr.write(`${part}: round ${round + 1} of ${rounds}, ${kind}, ${seconds} s\n`);
      }
    }
  }

  /** What fails yields no figure: it is told, and the rest goes on. */
  async attempt(name: string, kind: Kind, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.report.failed(name, kind, error instanceof Error ? error.message : String(error));
    }
  }
}
