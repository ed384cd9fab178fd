import type { ConfetdError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { parseInitialCluster } from '../../src/cluster/bootstrap.js';
import { silentLog } from '../../src/io/log.js';
import type { Member } from '../../src/member/member.js';
import type { MemberOptions } from '../../src/member/options.js';
import { startMember } from '../../src/member/start.js';
import type { MemoryBackend } from '../../src/store/backend/memory.js';
import { type SimBackend, SimBackends } from './backend.js';
import type { VirtualClock } from './clock.js';
import { SimDisk } from './disk.js';
import './long-entries.js';
import { Endpoint } from './network/endpoint.js';
import { Wires } from './network/wires.js';
import { ProcessClock } from './process-clock.js';
import { Trace } from './trace.js';

const PEER_URL = 'http://localhost:2380';

/** A machine that runs the one member of a cluster: its disk outlives the process, and loses what a crash loses. */
export class SimHost {
  readonly clock: VirtualClock;
  readonly #prng: Prng;
  readonly #backends = new SimBackends();
  readonly #wires: Wires;
  #process: ProcessClock;
  #backend: SimBackend | undefined;
  disk: SimDisk;
  halted: ConfetdError | undefined;

  constructor(clock: VirtualClock, seed: number) {
    this.clock = clock;
    this.#prng = new Prng(seed);
    this.#wires = new Wires({ clock, prng: this.#prng, trace: new Trace(clock) });
    this.#process = new ProcessClock(clock);
    this.disk = new SimDisk(this.#prng, { clock });
  }

  /** What the state holds on this machine; tests damage it. */
  get state(): MemoryBackend {
    if (this.#backend === undefined) throw new Error('the machine has not been started yet');
    return this.#backend.memory;
  }

  start(options: Partial<MemberOptions> = {}): Promise<Member> {
    const { disk } = this;
    const process = this.#process;
    this.halted = undefined;
    return startMember(
      {
        folder: '/data',
        cluster: parseInitialCluster({
          initialCluster: `default=${PEER_URL}`,
          token: 'etcd-cluster',
          name: 'default',
          advertisePeerUrls: [PEER_URL],
        }),
        clusterGiven: true,
        clusterState: 'new',
        clusterToken: 'etcd-cluster',
        peerUrls: [PEER_URL],
        forceNewCluster: false,
        strictReconfigCheck: true,
        clientUrls: ['http://localhost:2379'],
        heartbeatMs: 100,
        hashCheckMs: 0,
        electionMs: 1000,
        maxRequestBytes: 1.5 * 1024 * 1024,
        quotaBytes: 2 ** 31,
        catchUpEntries: 10,
        walSegmentBytes: 4096,
        ...options,
      },
      {
        disk,
        clock: process,
        random: { uint32: () => this.#prng.uint32(), float: () => this.#prng.float() },
        log: silentLog,
        openBackend: async (path) => {
          this.#backend = await this.#backends.open(disk, path);
          return this.#backend;
        },
        importBackend: (path, chunks) => this.#backends.import(disk, path, chunks),
        removeBackend: (path) => disk.remove(path),
        network: new Endpoint(this.#wires, process, 'host', [PEER_URL]),
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
