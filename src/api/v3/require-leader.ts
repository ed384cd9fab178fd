import type { Metadata } from '@grpc/grpc-js';
import { etcdError } from '../../base/etcd-errors.js';
import type { Clock, Timer } from '../../io/clock.js';
import type { MemberService } from '../../member/types.js';

/** Leaderless election timeouts after which a stream that requires a leader ends. */
const LEADERLESS_TICKS = 3;

/**
 * Serves clients that send the metadata `hasleader: true`: a call begun without a leader fails at once, and a stream
 * ends after three leaderless election timeouts, so that the client tries another member instead of waiting.
 */
export class LeaderRequirement {
  readonly #member: MemberService;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #streams = new Set<() => void>();
  #leaderless = 0;
  #timer: Timer | undefined;

  constructor(member: MemberService, clock: Clock, electionTimeoutMs: number) {
    this.#member = member;
    this.#clock = clock;
    this.#tickMs = electionTimeoutMs;
  }

  /** Throws etcd's `no leader` (unavailable) where the call asks for a leader and there is none. */
  check(metadata: Metadata): boolean {
    const value = metadata.get('hasleader');
    if (value.length === 0 || value[0] !== 'true') return false;
    if (this.#member.leader === 0n) throw etcdError('noLeader');
    return true;
  }

  /** Calls `lost` once if the leader stays away; the answer stops that. */
  track(lost: () => void): () => void {
    // A wrapper, so that the same function may be tracked twice.
    const stream = () => lost();
    this.#streams.add(stream);
    this.#arm();
    return () => {
      this.#streams.delete(stream);
    };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#streams.clear();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#streams.size === 0) return;
    this.#timer = this.#clock.schedule(this.#tickMs, () => {
      this.#timer = undefined;
      this.#tick();
    });
  }

  #tick(): void {
    this.#leaderless = this.#member.leader === 0n ? this.#leaderless + 1 : 0;
    if (this.#leaderless >= LEADERLESS_TICKS) {
      this.#leaderless = 0;
      const ending = [...this.#streams];
      this.#streams.clear();
      for (const lost of ending) lost();
    }
    this.#arm();
  }
}
