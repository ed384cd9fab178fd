import { ConfetdError, messageOf, systemCode } from '../../src/base/errors.js';
import type { Prng } from '../../src/base/prng.js';
import type { InitialCluster } from '../../src/cluster/bootstrap.js';
import type { Log } from '../../src/io/log.js';
import type { Member } from '../../src/member/member.js';
import type { MemberOptions, MemberPorts } from '../../src/member/options.js';
import { startMember } from '../../src/member/start.js';
import { readApplied } from '../../src/store/meta.js';
import { type SimBackend, SimBackends } from './backend.js';
import { SimDisk } from './disk.js';
import { Endpoint } from './network/endpoint.js';
import { ProcessClock, type ProcessTime } from './process-clock.js';
import type { World } from './world.js';

const HEARTBEAT_MS = 100;
const ELECTION_MS = 1_000;
const MAX_REQUEST_BYTES = 1_572_864;
const QUOTA_BYTES = 2 ** 31;
const MAX_DISK_MS = 1;
/** Of long entries, applied in one turn. */
const MAX_SLICE_ROWS = 4;
/** Steps of the disk that a first start takes, about. */
const START_STEPS = 60;

/** What all members of a run are told. */
export interface Tuning {
  readonly catchUpEntries: number;
  readonly walSegmentBytes: number;
  /** Of the log in memory; older entries are read back from the WAL, or gone. */
  readonly logMemoryBytes: number;
}

/** How a machine's member joins. */
export interface Role {
  readonly cluster: InitialCluster;
  readonly clusterState: 'new' | 'existing';
}

export type Crash = 'process' | 'power';

/** Why a life ended: `reason` says it where the member itself gave up. */
export interface End {
  readonly machine: Machine;
  readonly reason: ConfetdError | undefined;
}

/** Ports with something wrong about them: the planted faults. */
export type Sabotage = (ports: MemberPorts, machine: Machine) => MemberPorts;

/**
 * A host with its disk, and the process on it, if one runs. The disk outlives processes; a new process has a new
 * clock, and sees what the end of the last one left.
 */
export class Machine {
  readonly name: string;
  readonly url: string;
  readonly #world: World;
  readonly #prng: Prng;
  readonly #time: ProcessTime;
  #full = false;
  #backends = new SimBackends();
  /** Those that this life has opened: the live state, ones being received, ones replaced. */
  #opened: SimBackend[] = [];
  #disk: SimDisk;
  #process: ProcessClock | undefined;
  #member: Member | undefined;
  role: Role;
  lives = 0;
  /** Its disk has failed it in this life: it may give up. */
  diskFailed = false;
  /** It was, or is about to be, removed from the cluster: it may give up. */
  removed = false;
  /** The ID it has in the cluster, where that isn't the one that its URL makes. */
  memberId: bigint | undefined;
  /** Whom it has let in, and with which data folder. */
  readonly met = new Map<bigint, bigint>();
  /** It has lost its disk: it must not be let in under its old ID. */
  wiped = false;

  constructor(world: World, name: string, role: Role, time: ProcessTime) {
    this.#world = world;
    this.name = name;
    this.url = urlOf(name);
    this.role = role;
    this.#prng = world.fork();
    this.#time = time;
    this.#disk = this.#newDisk();
  }

  #newDisk(): SimDisk {
    return new SimDisk(this.#prng, { clock: this.#world.clock, maxLatencyMs: MAX_DISK_MS });
  }

  get process(): ProcessClock | undefined {
    return this.#process;
  }

  get disk(): SimDisk {
    return this.#disk;
  }

  get alive(): boolean {
    return this.#process !== undefined;
  }

  /** The member, once it serves. */
  get member(): Member | undefined {
    return this.#member;
  }

  /** The live state, as the disk has it. */
  get backend(): SimBackend | undefined {
    const indexOf = (backend: SimBackend) => readApplied(backend.get('meta', 'applied')).index;
    const open = this.#opened.filter(({ closed }) => !closed);
    return open.sort((a, b) => indexOf(a) - indexOf(b)).at(-1);
  }

  get id(): bigint {
    return this.memberId ?? this.role.cluster.self.id;
  }

  /** Where it can be reached as well. */
  get otherUrl(): string {
    return `${this.url}1`;
  }

  start(): void {
    if (this.alive) return;
    const process = new ProcessClock(this.#world.clock, this.#time);
    this.#process = process;
    this.#disk = this.#disk.crashProcess(process);
    this.#world.lives.set(process, this);
    this.lives++;
    this.diskFailed = this.#full;
    this.#say(`starts (${this.role.clusterState}), life ${this.lives}`);
    process.enter(() => this.#boot(process));
    const { faulty, profile } = this.#world;
    if (faulty && this.#prng.chance(profile.startDeath))
      this.crashSoon(this.#prng.chance(0.7) ? 'process' : 'power', START_STEPS);
  }

  #boot(process: ProcessClock): void {
    const failed = (error: unknown) => {
      this.#ended(process, toReason(error));
    };
    startMember(this.#options(), this.#world.sabotage(this.#ports(process, failed), this)).then((member) => {
      if (this.#process !== process) return;
      this.#member = member;
      this.#say('serves');
    }, failed);
  }

  #options(): MemberOptions {
    return {
      folder: '/data',
      ...this.role,
      clusterGiven: true,
      clusterToken: 'sim',
      peerUrls: [...this.role.cluster.self.peerUrls],
      clientUrls: [`${this.url}0`],
      forceNewCluster: false,
      strictReconfigCheck: true,
      heartbeatMs: HEARTBEAT_MS,
      hashCheckMs: 0,
      electionMs: ELECTION_MS,
      maxRequestBytes: MAX_REQUEST_BYTES,
      quotaBytes: QUOTA_BYTES,
      catchUpEntries: this.#world.tuning.catchUpEntries,
      walSegmentBytes: this.#world.tuning.walSegmentBytes,
      // Small, so that each run is full of entries half applied; and different, because it must make no difference.
      applySliceRows: 1 + ((this.lives + Number(this.name.slice(1))) % MAX_SLICE_ROWS),
    };
  }

  #ports(process: ProcessClock, halted: (reason: ConfetdError) => void): MemberPorts {
    const disk = this.#disk;
    const backends = this.#backends;
    const prng = this.#prng;
    return {
      disk,
      clock: process,
      random: { uint32: () => prng.uint32(), float: () => prng.float() },
      log: this.#log(),
      openBackend: async (path) => {
        const backend = await backends.open(disk, path);
        this.#opened.push(backend);
        return backend;
      },
      importBackend: async (path, chunks) => {
        const backend = await backends.import(disk, path, chunks);
        this.#opened.push(backend);
        return backend;
      },
      removeBackend: (path) => disk.remove(path),
      network: new Endpoint(this.#world.wires, process, this.name, [this.url, this.otherUrl]),
      halted,
    };
  }

  #log(): Log {
    const write = (level: string) => (_fields: object, message: string) => this.#say(`${level}: ${message}`);
    return { debug() {}, info: write('info'), warn: write('warn'), error: write('error') };
  }

  #ended(process: ProcessClock, reason: ConfetdError): void {
    if (this.#process !== process) return;
    this.#say(`gives up: ${reason.code}: ${reason.message}`);
    this.#end();
    this.#disk = this.#disk.crashProcess();
    this.#world.ended({ machine: this, reason });
  }

  /** kill -9, or the power fails. */
  crash(kind: Crash): void {
    if (!this.alive) return;
    this.#say(kind === 'power' ? 'loses power' : 'is killed');
    this.#end();
    this.#disk = kind === 'power' ? this.#disk.losePower() : this.#disk.crashProcess();
    this.#world.ended({ machine: this, reason: undefined });
  }

  /** It is told to end, and does so in good order. */
  stop(): void {
    const process = this.#process;
    const member = this.#member;
    if (process === undefined || member === undefined) return;
    this.#say('is told to stop');
    process.enter(() => {
      const stopped = member.stepDown().then(() => member.stop());
      stopped.then(
        () => {
          if (this.#process === process) this.crash('process');
        },
        (error) => this.#ended(process, toReason(error)),
      );
    });
  }

  /** Ends it at one of the next steps of its disk, which then may have happened or not. */
  crashSoon(kind: Crash, withinSteps: number): void {
    const process = this.#process;
    const step = this.#disk.steps + 1 + this.#prng.below(withinSteps);
    void this.#disk.crashAtStep(step).then(() => {
      if (this.#process === process) this.crash(kind);
    });
  }

  /** The disk takes so many bytes more, or what it can. */
  setFull(full: boolean, roomBytes: number): void {
    this.#full = full;
    if (full) this.diskFailed = true;
    this.#disk.setCapacity(full ? this.#disk.used + roomBytes : Number.POSITIVE_INFINITY);
  }

  /** The disk is gone, with all that was on it; the process starts again on an empty one. */
  wipe(): void {
    this.wiped = true;
    this.crash('power');
    this.#say('loses its disk');
    this.reset();
  }

  /** An empty disk. */
  reset(): void {
    this.crash('process');
    this.#disk = this.#newDisk();
    this.#backends = new SimBackends();
    this.met.clear();
  }

  #end(): void {
    this.#process?.die();
    this.#process = undefined;
    this.#member = undefined;
    this.#opened = [];
  }

  #say(what: string): void {
    this.#world.trace.add(this.name, what);
  }
}

function toReason(error: unknown): ConfetdError {
  if (error instanceof ConfetdError) return error;
  // A start tells of the disk's own errors as they are.
  return new ConfetdError(systemCode(error) === undefined ? 'internal' : 'disk', messageOf(error));
}

export function urlOf(name: string): string {
  return `http://${name}.sim:2380`;
}
