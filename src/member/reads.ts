import { etcdError } from '../base/etcd-errors.js';

interface Read {
  readonly deadlineMs: number;
  done(): void;
  failed(error: Error): void;
}

/** Reads that share one round to the quorum. */
interface Batch {
  readonly context: Buffer;
  readonly askedAtMs: number;
  readonly reads: readonly Read[];
  /** Once answered: what must be applied before the reads may run. */
  index: number | undefined;
}

export interface ReadsOptions {
  /** With `boot`, the count of its lives: makes contexts differ from those of all others, for ever. */
  readonly member: bigint;
  readonly boot: number;
  /** A read that isn't answered by then fails. */
  readonly timeoutMs: number;
  /** An answer that hasn't come by then was lost: the batch asks again. */
  readonly askAgainMs: number;
  /** Raft's read index; false: no leader is known. */
  readonly ask: (context: Buffer) => boolean;
}

/**
 * Linearizable reads (thesis, section 6.4): all that wait when a turn begins share one context; they may run once the
 * index that raft answers is applied here. Batches are bounded by time, and each read belongs to one.
 */
export class Reads {
  readonly #options: ReadsOptions;
  #waiting: Read[] = [];
  #batches: Batch[] = [];
  #sequence = 0;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Resolves when the read may run. */
  add(nowMs: number): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ deadlineMs: nowMs + this.#options.timeoutMs, done, failed });
    });
  }

  /** Asks for all that have come since the last time. Where no leader is known they go on waiting. */
  ask(nowMs: number): void {
    if (this.#waiting.length === 0) return;
    const { member, boot, ask } = this.#options;
    const context = Buffer.alloc(20);
    context.writeBigUInt64BE(member, 0);
    context.writeUInt32BE(boot, 8);
    context.writeBigUInt64BE(BigInt(++this.#sequence), 12);
    if (!ask(context)) return;
    this.#batches.push({ context, askedAtMs: nowMs, reads: this.#waiting, index: undefined });
    this.#waiting = [];
  }

  /** Raft's answer to a context. */
  answered(context: Buffer, index: number): void {
    const batch = this.#batches.find((candidate) => candidate.context.equals(context));
    if (batch !== undefined) batch.index = index;
  }

  /** Lets run what may. */
  release(appliedIndex: number): void {
    if (this.#batches.length === 0) return;
    this.#batches = this.#batches.filter(({ index, reads }) => {
      if (index === undefined || index > appliedIndex) return true;
      for (const read of reads) read.done();
      return false;
    });
  }

  /** Somebody else leads, or nobody: what was asked of the one before is asked again. */
  leaderChanged(): void {
    this.#askAgain(Number.POSITIVE_INFINITY);
  }

  #askAgain(askedBeforeMs: number): void {
    const lost = this.#batches.filter(
      ({ index, askedAtMs }) => index === undefined && askedAtMs <= askedBeforeMs,
    );
    if (lost.length === 0) return;
    this.#batches = this.#batches.filter((batch) => !lost.includes(batch));
    this.#waiting = [...lost.flatMap(({ reads }) => reads), ...this.#waiting];
  }

  /** Asks again for what was lost, and gives up what has waited too long. */
  expire(nowMs: number): void {
    this.#askAgain(nowMs - this.#options.askAgainMs);
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const read of due) read.failed(etcdError('timedOut'));
  }

  failAll(error: Error): void {
    const reads = [...this.#batches.flatMap((batch) => batch.reads), ...this.#waiting];
    this.#batches = [];
    this.#waiting = [];
    for (const read of reads) read.failed(error);
  }
}
