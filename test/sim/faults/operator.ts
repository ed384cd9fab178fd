import type { Prng } from '../../../src/base/prng.js';
import { sleep } from '../../../src/io/clock.js';
import type { Member as MemberRow } from '../../../src/proto/generated/etcd_rpc.js';
import { Caller, type Reply } from '../clients/caller.js';
import { joinCluster } from '../cluster.js';
import type { Machine } from '../machine.js';
import type { World } from '../world.js';

const TIMEOUT_MS = 8_000;
const MAX_MACHINES = 8;
const MIN_VOTERS = 3;
const MAX_WIPES = 1;

/** Whoever runs the cluster: compacts, moves leadership, changes members; one thing at a time, as people do. */
export class Operator {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #caller: Caller;
  #busy = false;
  #wipes = 0;

  constructor(world: World, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
    this.#caller = new Caller(world, prng);
  }

  /** A change of the membership is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  transfer(): void {
    const { leader, machines } = this.#world;
    const target = machines[this.#prng.below(machines.length)];
    if (leader === undefined || target === undefined || target === leader) return;
    this.#world.trace.add('ops', `leadership to go from ${leader.name} to ${target.name}`);
    void this.#caller
      .call(leader, TIMEOUT_MS, (member) => member.moveLeader(target.id))
      .then((reply) => this.#tell(`leadership to ${target.name}`, reply));
  }

  compact(): void {
    const { history } = this.#world;
    const revision = Math.max(1, history.model.head - this.#prng.below(30));
    const machine = this.#world.anyMachine(this.#prng);
    this.#world.trace.add('ops', `compact to ${revision} at ${machine.name}`);
    void this.#caller
      .call(machine, TIMEOUT_MS, (member) => member.compact({ revision, physical: this.#prng.chance(0.5) }))
      .then((reply) => this.#tell(`compaction to ${revision}`, reply));
  }

  addLearner(): void {
    this.#alone(() => this.#add(true));
  }

  addVoter(): void {
    this.#alone(() => this.#add(false));
  }

  promote(): void {
    this.#alone(async () => {
      const learner = (await this.#members())?.find(({ isLearner }) => isLearner);
      if (learner === undefined) return;
      const reply = await this.#ask((machine) =>
        this.#caller.call(machine, TIMEOUT_MS, (member) => member.memberPromote({ ID: learner.ID })),
      );
      this.#tell(`promotion of ${this.#nameOf(learner)}`, reply);
    });
  }

  update(): void {
    this.#alone(async () => {
      const members = await this.#members();
      const chosen = members?.[this.#prng.below(members.length)];
      const machine = this.#world.machines.find(({ url }) =>
        chosen?.peerURLs.some((each) => each.startsWith(url)),
      );
      if (chosen === undefined || machine === undefined) return;
      const peerURLs = this.#prng.chance(0.5) ? [machine.url] : [machine.otherUrl];
      const reply = await this.#ask((at) =>
        this.#caller.call(at, TIMEOUT_MS, (member) => member.memberUpdate({ ID: chosen.ID, peerURLs })),
      );
      this.#tell(`${machine.name} to ${peerURLs.join()}`, reply);
    });
  }

  remove(): void {
    this.#alone(async () => {
      const members = await this.#members();
      if (members === undefined || members.filter(({ isLearner }) => !isLearner).length <= MIN_VOTERS) return;
      const chosen = members[this.#prng.below(members.length)];
      if (chosen !== undefined) await this.#remove(chosen);
    });
  }

  /** A disk is replaced by an empty one; the member comes back as if new, is refused, and is replaced properly. */
  wipe(): void {
    this.#alone(async () => {
      const machine = this.#world.anyMachine(this.#prng);
      if (machine.member === undefined || machine.removed || this.#wipes >= MAX_WIPES) return;
      this.#wipes++;
      const { id } = machine;
      machine.wipe();
      await sleep(this.#world.clock, 2_000 + this.#prng.float() * 3_000);
      const row = (await this.#members())?.find(({ ID }) => ID === id);
      if (row === undefined || !(await this.#remove(row))) return;
      await this.#join(machine, false);
    });
  }

  #alone(work: () => Promise<void>): void {
    if (this.#busy) return;
    this.#busy = true;
    void work().finally(() => {
      this.#busy = false;
    });
  }

  async #add(isLearner: boolean): Promise<void> {
    if (this.#world.machines.length >= MAX_MACHINES) return;
    await this.#join(this.#world.newMachine(), isLearner);
  }

  /** Adds a member for an empty machine, and starts it there. */
  async #join(machine: Machine, isLearner: boolean): Promise<void> {
    const peerURLs = [machine.url];
    const reply = await this.#ask((at) =>
      this.#caller.call(at, TIMEOUT_MS, (member) => member.memberAdd({ peerURLs, isLearner })),
    );
    this.#tell(`${machine.name} added${isLearner ? ' as a learner' : ''}`, reply);
    if (reply.kind === 'nobody' || reply.kind === 'error') {
      if (reply.kind === 'nobody' || reply.error.code !== 'unavailable') return;
    }
    // Where the answer was lost the list says whether it happened.
    const members = reply.kind === 'answer' ? reply.response.members : await this.#members();
    const row = members?.find((each) => each.peerURLs.includes(machine.url));
    if (members === undefined || row === undefined) return;
    joinCluster(machine, members, row.ID);
    machine.removed = false;
    machine.wiped = false;
    this.#world.addMachine(machine);
    machine.reset();
    machine.start();
  }

  /** False: it isn't known to be gone. */
  async #remove(row: MemberRow): Promise<boolean> {
    const machine = this.#world.machines.find(({ id }) => id === row.ID);
    if (machine !== undefined) machine.removed = true;
    const reply = await this.#ask((at) =>
      this.#caller.call(at, TIMEOUT_MS, (member) => member.memberRemove({ ID: row.ID })),
    );
    this.#tell(`${this.#nameOf(row)} removed`, reply);
    const members = await this.#members();
    const gone = members?.every(({ ID }) => ID !== row.ID) === true;
    if (machine === undefined) return gone;
    if (members !== undefined) machine.removed = gone;
    // It may have ended meanwhile, and a member that was to be removed isn't started again by itself.
    if (!machine.removed && !machine.wiped) machine.start();
    if (gone && !machine.wiped) await sleep(this.#world.clock, 3_000).then(() => this.#world.retire(machine));
    return gone;
  }

  async #members(): Promise<MemberRow[] | undefined> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const reply = await this.#ask((machine) =>
        this.#caller.call(machine, TIMEOUT_MS, (member) => member.memberList({ linearizable: true })),
      );
      if (reply.kind === 'answer') return reply.response.members;
      await sleep(this.#world.clock, 500);
    }
    return undefined;
  }

  #ask<T>(call: (machine: Machine) => Promise<Reply<T>>): Promise<Reply<T>> {
    return call(this.#world.anyMachine(this.#prng));
  }

  #nameOf({ ID, peerURLs }: MemberRow): string {
    return this.#world.machines.find(({ id }) => id === ID)?.name ?? peerURLs.join();
  }

  #tell(what: string, reply: Reply<unknown>): void {
    const why = reply.kind === 'error' ? `: ${reply.error.message}` : '';
    this.#world.trace.add('ops', `${what}: ${reply.kind}${why}`);
  }
}
