import type { ConfetdError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { parseInitialCluster } from '../../src/cluster/bootstrap.js';
import { type Clock, sleep, type Timer } from '../../src/io/clock.js';
import { silentLog } from '../../src/io/log.js';
import type { Member } from '../../src/member/member.js';
import type { MemberOptions } from '../../src/member/options.js';
import { startMember } from '../../src/member/start.js';
import { MemoryBackend } from '../../src/store/backend/memory.js';
import type { VirtualClock } from './clock.js';
import { SimDisk } from './disk.js';

/** The clock of one process: what it had scheduled is gone when the process is. */
class ProcessClock implements Clock {
  readonly #clock: VirtualClock;
  #dead = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  die(): void {
    this.#dead = true;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  schedule(delayMs: number, task: () => void): Timer {
    return this.#clock.schedule(delayMs, () => {
      if (!this.#dead) task();
    });
  }

  yield(): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(0, resolve);
    });
  }
}

/** A machine that runs a member: its disk and state outlive the process, and lose what a crash loses. */
export class SimHost {
  readonly clock: VirtualClock;
  readonly #prng: Prng;
  #process: ProcessClock;
  #backend: MemoryBackend | undefined;
  disk: SimDisk;
  halted: ConfetdError | undefined;

  constructor(clock: VirtualClock, seed: number) {
    this.clock = clock;
    this.#prng = new Prng(seed);
    this.#process = new ProcessClock(clock);
    this.disk = new SimDisk(this.#prng, { clock });
  }

  /** What the state holds on this machine; tests damage it. */
  get state(): MemoryBackend {
    if (this.#backend === undefined) throw new Error('the machine has not been started yet');
    return this.#backend;
  }

  start(options: Partial<MemberOptions> = {}): Promise<Member> {
    const process = this.#process;
    this.halted = undefined;
    return startMember(
      {
        folder: '/data',
        cluster: parseInitialCluster({
          initialCluster: 'default=http://localhost:2380',
          token: 'etcd-cluster',
          name: 'default',
          advertisePeerUrls: ['http://localhost:2380'],
        }),
        clientUrls: ['http://localhost:2379'],
        heartbeatMs: 100,
        electionMs: 1000,
        maxRequestBytes: 1.5 * 1024 * 1024,
        quotaBytes: 2 ** 31,
        catchUpEntries: 10,
        walSegmentBytes: 4096,
        ...options,
      },
      {
        disk: this.disk,
        clock: process,
        random: { uint32: () => this.#prng.uint32(), float: () => this.#prng.float() },
        log: silentLog,
        // A first start makes the state aside; renamed with its folder it is the same state.
        openBackend: async (path) => {
          if (this.#backend === undefined || path.includes('member.tmp')) {
            this.#backend = new MemoryBackend({ writing: () => sleep(this.#process, this.#prng.below(5)) });
          }
          return this.#backend;
        },
        halted: (reason) => {
          this.halted = reason;
        },
      },
    );
  }

  /** kill -9: all writes survive. */
  crashProcess(): void {
    this.#end();
    this.disk = this.disk.crashProcess();
  }

  /** Unsynced bytes and names are lost, torn or kept, each by itself. */
  losePower(): void {
    this.#end();
    this.disk = this.disk.losePower();
  }

  #end(): void {
    this.#process.die();
    this.#process = new ProcessClock(this.clock);
  }
}
