import { Prng } from '../../src/base/prng.js';
import type { MemberPorts } from '../../src/member/options.js';
import type { Hello } from '../../src/proto/generated/peer.js';
import { type Message, MessageType } from '../../src/proto/generated/raft.js';
import { HistoryCheck } from './check/history-check.js';
import { LeaseCheck, MAX_RATE } from './check/lease-check.js';
import { LogCheck } from './check/log-check.js';
import type { Operation } from './check/operation.js';
import { VirtualClock } from './clock.js';
import { bootstrapRole } from './cluster.js';
import { Counters } from './counters.js';
import { Findings } from './findings.js';
import { type End, Machine, type Sabotage, type Tuning } from './machine.js';
import type { Endpoint } from './network/endpoint.js';
import { Wires } from './network/wires.js';
import type { Observer } from './observe.js';
import type { ProcessClock } from './process-clock.js';
import { drawProfile, type Profile, profileNamed } from './profiles.js';
import { Trace } from './trace.js';

export interface WorldOptions {
  /** By name, instead of the one that the seed draws. */
  readonly profile?: string | undefined;
  readonly print?: ((line: string) => void) | undefined;
  readonly sabotage?: Sabotage | undefined;
}

/** Everything that one run consists of; the seed decides all of it. */
export class World {
  readonly clock = new VirtualClock();
  readonly #prng: Prng;
  readonly trace: Trace;
  readonly findings: Findings;
  readonly counters = new Counters();
  readonly profile: Profile;
  readonly wires: Wires;
  readonly history: HistoryCheck;
  readonly leases: LeaseCheck;
  readonly log: LogCheck;
  readonly operations: Operation[] = [];
  readonly #sabotage: Sabotage | undefined;
  /** Machines whose members are, or should be, of the cluster. */
  #machines: Machine[] = [];
  readonly lives = new Map<ProcessClock, Machine>();
  #named = 0;
  #ticket = 0;
  #leader: Machine | undefined;
  /** Things still go wrong. */
  faulty = true;
  /** Clients go on asking. */
  clientsRun = true;
  watchersRun = true;

  constructor(seed: number, options: WorldOptions = {}) {
    this.#prng = new Prng(seed);
    this.trace = new Trace(this.clock, { print: options.print });
    this.findings = new Findings(this.trace);
    const drawn = drawProfile(this.#prng);
    this.profile = options.profile === undefined ? drawn : profileNamed(options.profile);
    this.#sabotage = options.sabotage;
    this.history = new HistoryCheck(this.findings);
    this.leases = new LeaseCheck(this.clock, this.findings, this.history.model);
    this.log = new LogCheck({
      findings: this.findings,
      revoked: (lease, index) => this.leases.revoked(lease, index),
    });
    this.wires = new Wires({
      clock: this.clock,
      prng: this.fork(),
      trace: this.trace,
      sent: (by, message) => this.#sent(by, message),
      admitted: (by, hello) => this.#admitted(by, hello),
    });
    const names = Array.from({ length: this.profile.members }, (_, at) => `m${at + 1}`);
    this.#machines = names.map(() => this.newMachine());
    for (const machine of this.#machines) machine.role = bootstrapRole(machine.name, names);
    this.trace.add('sim', `seed ${seed}, profile ${this.profile.name}`);
  }

  get tuning(): Tuning {
    return this.profile.tuning;
  }

  get machines(): readonly Machine[] {
    return this.#machines;
  }

  /** Whoever was seen leading last. */
  get leader(): Machine | undefined {
    return this.#leader;
  }

  /** A generator of its own for each part, so that one that draws more doesn't change what the others draw. */
  fork(): Prng {
    return new Prng(this.#prng.uint32());
  }

  /** Counts the events of clients: their order in real time. */
  ticket(): number {
    return ++this.#ticket;
  }

  record({
    machine,
    ...call
  }: { machine: Machine } & Pick<Operation, 'client' | 'tag' | 'request'>): Operation {
    const operation: Operation = {
      ...call,
      machine: machine.name,
      life: machine.lives,
      called: this.ticket(),
      calledMs: this.clock.monotonicMs(),
      returned: Number.POSITIVE_INFINITY,
      response: undefined,
      refused: undefined,
    };
    this.operations.push(operation);
    return operation;
  }

  anyMachine(prng: Prng): Machine {
    return this.#machines[prng.below(this.#machines.length)] as Machine;
  }

  /** An empty machine that is not yet anybody's. */
  newMachine(): Machine {
    const name = `m${++this.#named}`;
    const { drift } = this.profile;
    const rate = Math.min(1 + (this.#prng.float() * 2 - 1) * drift, MAX_RATE);
    const wallOffsetMs = (this.#prng.float() - 0.5) * 2_000;
    return new Machine(this, name, bootstrapRole(name, [name]), { rate, wallOffsetMs });
  }

  addMachine(machine: Machine): void {
    if (!this.#machines.includes(machine)) this.#machines.push(machine);
  }

  /** A member that was removed: its machine is switched off. */
  retire(machine: Machine): void {
    this.#machines = this.#machines.filter((each) => each !== machine);
    machine.crash('process');
  }

  sabotage(ports: MemberPorts, machine: Machine): MemberPorts {
    return this.#sabotage?.(ports, machine) ?? ports;
  }

  /** What keeps daemons running (systemd, in life) starts a process again, unless it was told to end. */
  ended({ machine, reason }: End): void {
    if (reason === undefined) this.counters.crashes++;
    else this.counters.halts++;
    if (reason !== undefined && !mayGiveUp(machine, reason.code)) {
      this.findings.add('members keep running', `${machine.name}: ${reason.code}: ${reason.message}`);
    }
    if (machine.removed && !machine.wiped && reason !== undefined) return;
    this.clock.schedule(this.#prng.float() * this.profile.restartMs, () => {
      if (this.#machines.includes(machine)) machine.start();
    });
  }

  #sent(by: Endpoint, { type, term, reject }: Message): void {
    if (type === MessageType.VOTE_RESP && !reject) this.#voted(by);
    if (type !== MessageType.APP && type !== MessageType.HEARTBEAT && type !== MessageType.SNAP) return;
    const machine = this.lives.get(by.process);
    if (machine === undefined) return;
    this.#leader = machine;
    if (this.log.leads(term, machine.name)) this.trace.add(machine.name, `leads in term ${term}`);
  }

  /** The vote is on its way; whether it is remembered too is another matter. */
  #voted(by: Endpoint): void {
    const { voterDeath } = this.profile;
    if (voterDeath === 0 || !this.faulty || !this.#prng.chance(voterDeath)) return;
    this.clock.schedule(0, () => {
      if (!by.process.dead) this.lives.get(by.process)?.crash('process');
    });
  }

  /** A member ID stands for one data folder: another one would vote, and acknowledge, a second time. */
  #admitted(by: Endpoint, { memberId, instance }: Hello): void {
    const machine = this.lives.get(by.process);
    if (machine === undefined) return;
    const known = machine.met.get(memberId);
    machine.met.set(memberId, instance);
    if (known !== undefined && known !== instance) {
      const who = this.#machines.find(({ id }) => id === memberId)?.name ?? memberId.toString(16);
      this.findings.add(
        'a wiped member is not let in',
        `${machine.name} has met ${who} before, with another data folder`,
      );
    }
  }

  /** What the checkers are told of the inside of members. */
  observer(): Observer {
    const nameOf = (process: ProcessClock) => this.lives.get(process)?.name ?? '?';
    return {
      committed: (process, entries) => this.log.committed(process, nameOf(process), entries),
      installed: (process, snapshot, conf) => {
        this.counters.installs++;
        this.trace.add(nameOf(process), `snapshot ${snapshot.index}/${snapshot.term} in force, ${conf}`);
        this.log.installed(process, nameOf(process), snapshot, conf);
      },
      revised: (process, { index }, revision, events) => {
        const isNew = revision > this.history.model.head;
        this.history.revised(nameOf(process), revision, events);
        if (isNew) this.leases.revised(index, revision);
      },
      applied: (process, applied) => {
        if (applied.conf !== undefined)
          this.trace.add(nameOf(process), `configuration ${applied.conf} at ${applied.index}`);
        this.log.applied(process, nameOf(process), applied);
      },
    };
  }
}

/** Whether a member has a reason to end by itself, and says that one. */
function mayGiveUp(machine: Machine, code: string): boolean {
  if (code === 'unavailable' || code === 'deadline_exceeded') return true;
  if (code === 'disk') return machine.diskFailed;
  return machine.removed || machine.wiped;
}
