import { messageOf } from '../../src/base/errors.js';
import { sleep } from '../../src/io/clock.js';
import type { Member } from '../../src/member/member.js';
import type { Member as MemberRow } from '../../src/proto/generated/etcd_rpc.js';
import { TABLES } from '../../src/store/backend/backend.js';
import type { SimBackend } from './backend.js';
import { Caller } from './clients/caller.js';
import { putRequest } from './clients/requests.js';
import type { Watching } from './clients/watching.js';
import type { Nemesis } from './faults/nemesis.js';
import type { Machine } from './machine.js';
import type { World } from './world.js';

/** From the end of the faults to a cluster that works, everywhere. */
const HEAL_MS = 60_000;
const OPERATOR_MS = 40_000;
const CALL_MS = 8_000;
/** Until the last lease that nobody keeps alive has ended. */
const LEASES_MS = 15_000;
/** For what is applied to be in the state on disk, and for the history of a compaction to be gone. */
const SETTLE_MS = 1_000;
const MAX_ROWS = 100_000;
/** Rows that are a member's own. */
const OWN_ROWS = new Set(['identity', 'boot', 'instances', 'format']);

/** After the faults: writes succeed at every member, all states are equal, watchers know everything, leases end. */
export class Healing {
  readonly #world: World;
  readonly #nemesis: Nemesis;
  readonly #caller: Caller;
  #beganMs = 0;

  constructor(world: World, nemesis: Nemesis) {
    this.#world = world;
    this.#nemesis = nemesis;
    this.#caller = new Caller(world, world.fork());
  }

  async run(watchers: readonly Watching[]): Promise<void> {
    const world = this.#world;
    world.trace.add('sim', 'the faults end');
    this.#beganMs = world.clock.monotonicMs();
    this.#nemesis.calm();
    // What an operator has begun is finished first; each of its steps is bounded.
    await this.#until('the operator is done', OPERATOR_MS, () => !this.#nemesis.busy);
    const machines = await this.#membersServe();
    world.clientsRun = false;
    if (machines === undefined) return;
    for (const machine of machines) await this.#writes(machine);
    const revision = world.history.model.head;
    await this.#until('all members catch up', HEAL_MS, () =>
      machines.every(({ member }) => (member?.revision ?? 0) >= revision),
    );
    await sleep(world.clock, LEASES_MS);
    world.leases.checkGone(LEASES_MS - 1_000);
    await this.#until('watchers are told all', HEAL_MS, () => watchers.every(({ complete }) => complete));
    await sleep(world.clock, SETTLE_MS);
    await this.#hashesAreEqual(machines);
    this.#statesAreEqual(machines);
  }

  /** The machines of all members of the configuration, once each of them serves. */
  async #membersServe(): Promise<Machine[] | undefined> {
    const world = this.#world;
    let machines: Machine[] = [];
    for (;;) {
      const rows = await this.#members();
      if (rows !== undefined) {
        machines = world.machines.filter(({ id }) => rows.some(({ ID }) => ID === id));
        if (machines.every(({ wiped, member }) => wiped || member !== undefined)) break;
      }
      if (world.clock.monotonicMs() > this.#beganMs + HEAL_MS) {
        this.#unhealed('all members serve');
        return undefined;
      }
      await sleep(world.clock, 500);
    }
    return machines.filter(({ wiped }) => !wiped);
  }

  async #members(): Promise<MemberRow[] | undefined> {
    for (const machine of this.#world.machines) {
      if (machine.member === undefined || machine.removed) continue;
      const reply = await this.#call(machine, (member) => member.memberList({ linearizable: true }));
      if (reply !== undefined) return reply.members;
    }
    return undefined;
  }

  async #call<T>(machine: Machine, run: (member: Member) => Promise<T>): Promise<T | undefined> {
    const reply = await this.#caller.call(machine, CALL_MS, run);
    if (reply.kind === 'error') this.#world.trace.add('sim', `${machine.name}: ${messageOf(reply.error)}`);
    return reply.kind === 'answer' ? reply.response : undefined;
  }

  async #writes(machine: Machine): Promise<void> {
    const world = this.#world;
    for (let attempt = 1; ; attempt++) {
      const tag = `healed.${machine.name}.${attempt}`;
      const request = { kind: 'put', put: putRequest('healed', tag) } as const;
      const operation = world.record({ client: 'sim', tag, machine, request });
      const response = await this.#call(machine, (member) => member.put(request.put));
      if (response !== undefined) {
        operation.response = response;
        operation.returned = world.ticket();
        return;
      }
      if (world.clock.monotonicMs() > this.#beganMs + HEAL_MS) {
        this.#unhealed(`a write succeeds at ${machine.name}`);
        return;
      }
      await sleep(world.clock, 500);
    }
  }

  async #until(what: string, withinMs: number, holds: () => boolean): Promise<void> {
    const { clock } = this.#world;
    const deadlineMs = clock.monotonicMs() + withinMs;
    while (!holds()) {
      if (clock.monotonicMs() > deadlineMs) {
        this.#unhealed(what);
        return;
      }
      await sleep(clock, 200);
    }
  }

  #unhealed(what: string): void {
    const state = this.#world.machines.map(({ name, member, alive, wiped, removed }) => {
      const status = member?.status();
      const of =
        status === undefined
          ? alive
            ? 'starting'
            : 'down'
          : `term ${status.term} leader ${status.leader.toString(16).slice(0, 4)} commit ${status.committedIndex} applied ${status.appliedIndex} revision ${status.revision}`;
      return `${name} ${of}${wiped ? ' wiped' : ''}${removed ? ' removed' : ''}`;
    });
    this.#world.findings.add('the cluster heals', `not within its time: ${what}; ${state.join('; ')}`);
  }

  async #hashesAreEqual(machines: readonly Machine[]): Promise<void> {
    const hashes = new Map<string, string>();
    for (const machine of machines) {
      const response = await this.#call(machine, (member) => member.hashKv(0));
      if (response === undefined) continue;
      const at = `${response.header?.revision}/${response.compactRevision}`;
      const known = hashes.get(at);
      const hash = response.hash.toString(16);
      if (known !== undefined && known !== hash)
        this.#world.findings.add(
          'states are equal',
          `hash ${hash} on ${machine.name} at ${at}, ${known} elsewhere`,
        );
      hashes.set(at, hash);
    }
    if (hashes.size > 1)
      this.#world.findings.add(
        'states are equal',
        `revisions and compactions differ: ${[...hashes.keys()].join(' ')}`,
      );
  }

  #statesAreEqual(machines: readonly Machine[]): void {
    const [first, ...others] = machines;
    const reference = first?.backend;
    if (first === undefined || reference === undefined) return;
    for (const table of TABLES) {
      const wanted = rowsOf(reference, table);
      for (const machine of others) {
        const { backend } = machine;
        if (backend === undefined) continue;
        const found = rowsOf(backend, table);
        const differing = wanted.find((row, at) => row !== found[at]) ?? found[wanted.length];
        if (differing === undefined) continue;
        const rule = `table ${table} of ${first.name} (${wanted.length} rows) and ${machine.name} (${found.length})`;
        this.#world.findings.add('states are equal', `${rule}: ${JSON.stringify(differing).slice(0, 200)}`);
        return;
      }
    }
  }
}

function rowsOf(backend: SimBackend, table: (typeof TABLES)[number]): string[] {
  return backend.memory
    .range(table, { start: '', end: undefined, limit: MAX_ROWS })
    .filter(({ key }) => table !== 'meta' || !OWN_ROWS.has(key))
    .map(({ key, value }) => `${key}: ${value.toString('latin1')}`);
}
