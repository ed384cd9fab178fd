/** What a run has seen, for the line that sums up. */
export class Counters {
  crashes = 0;
  /** Members that gave up by themselves. */
  halts = 0;
  installs = 0;
  /** Revisions told to watchers. */
  watched = 0;
  readonly outcomes = { answered: 0, refused: 0, nobody: 0, unknown: 0 };
  readonly faults: Record<string, number> = {};
}
