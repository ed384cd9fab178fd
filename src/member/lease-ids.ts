const COUNTER_BITS = 48n;
const COUNTER_MASK = (1n << COUNTER_BITS) - 1n;
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/**
 * Lease IDs as etcd makes them: two bytes of the member, then a counter that begins at the time of the start in
 * milliseconds, shifted by eight bits: neither members nor restarts meet.
 */
export class LeaseIds {
  readonly #prefix: bigint;
  #counter: bigint;

  constructor(memberId: bigint, wallMs: number) {
    this.#prefix = (memberId & 0xffffn) << COUNTER_BITS;
    this.#counter = BigInt(Math.floor(wallMs)) << 8n;
  }

  /** Positive, and never 0, which means "no lease". */
  next(): bigint {
    for (;;) {
      this.#counter++;
      const id = (this.#prefix | (this.#counter & COUNTER_MASK)) & MAX_INT64;
      if (id !== 0n) return id;
    }
  }
}
