/** Randomness comes from outside, so that a seed decides a whole run. */
export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1). */
  float(): number;
}
