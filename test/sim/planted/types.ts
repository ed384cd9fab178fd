import type { Sabotage } from '../machine.js';

/** A defect of the kind that a consensus system must not have, for showing that the simulator would find it. */
export interface Planted {
  readonly name: string;
  /** The mixture of faults under which it matters. */
  readonly profile: string;
  /** Within so many seeds it has to be found. */
  readonly seeds: number;
  /** Changes classes of src/, until the answer is called. */
  readonly plant?: () => () => void;
  /** Changes what members are given. */
  readonly sabotage?: Sabotage;
}
