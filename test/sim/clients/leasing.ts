import type { Prng } from '../../../src/base/prng.js';
import { sleep } from '../../../src/io/clock.js';
import type { World } from '../world.js';
import { Caller } from './caller.js';
import { putRequest } from './requests.js';

const TIMEOUT_MS = 3_000;

/** A client that keeps leases: grants one, hangs keys on it, keeps it alive for a while, then revokes or forgets it. */
export class Leasing {
  readonly #world: World;
  readonly #name: string;
  readonly #prng: Prng;
  readonly #caller: Caller;
  #count = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.#prng = world.fork();
    this.#caller = new Caller(world, this.#prng);
  }

  async run(): Promise<void> {
    const world = this.#world;
    while (world.clientsRun) {
      await sleep(world.clock, this.#prng.float() * 1_000);
      const lease = await this.#grant();
      if (lease === undefined) continue;
      for (let keys = 1 + this.#prng.below(5); keys > 0; keys--) await this.#attach(lease.id);
      await this.#keepAlive(lease);
      if (this.#prng.chance(0.4)) await this.#revoke(lease.id);
    }
  }

  async #grant(): Promise<{ id: bigint; ttl: number } | undefined> {
    const { clock, leases, trace } = this.#world;
    const TTL = 2 + this.#prng.below(3);
    const machine = this.#world.anyMachine(this.#prng);
    const askedMs = clock.monotonicMs();
    const reply = await this.#caller.call(machine, TIMEOUT_MS, (member) =>
      member.leaseGrant({ TTL, ID: 0n }),
    );
    if (reply.kind !== 'answer') return undefined;
    const { ID: id, TTL: ttl } = reply.response;
    trace.add(this.#name, `lease ${id.toString(16)} granted for ${ttl} s`);
    leases.granted(id, ttl, askedMs);
    return { id, ttl };
  }

  /** Recorded like any other put, so that all checks see it. */
  async #attach(lease: bigint): Promise<void> {
    const world = this.#world;
    const machine = world.anyMachine(this.#prng);
    const tag = `${this.#name}.${++this.#count}`;
    const put = putRequest(`l${this.#prng.below(8)}`, tag, { lease });
    const request = { kind: 'put', put } as const;
    const operation = world.record({ client: this.#name, tag, machine, request });
    const reply = await this.#caller.call(machine, TIMEOUT_MS, (member) => member.put(put));
    if (reply.kind === 'answer') {
      operation.response = reply.response;
      operation.returned = world.ticket();
    } else if (reply.kind === 'nobody' || (reply.kind === 'error' && reply.error.code === 'not_found')) {
      operation.refused = reply.kind;
    }
    world.trace.add(this.#name, `${tag} put under lease ${lease.toString(16)}: ${reply.kind}`);
  }

  async #keepAlive({ id, ttl }: { id: bigint; ttl: number }): Promise<void> {
    const { clock, leases, trace } = this.#world;
    const untilMs = clock.monotonicMs() + this.#prng.float() * 15_000;
    let misses = 0;
    while (this.#world.clientsRun && clock.monotonicMs() < untilMs && misses < 4) {
      await sleep(clock, (ttl * 1_000) / 3);
      const machine = this.#world.anyMachine(this.#prng);
      const askedMs = clock.monotonicMs();
      const reply = await this.#caller.call(machine, TIMEOUT_MS, (member) => member.leaseKeepAlive(id));
      if (reply.kind !== 'answer') {
        misses++;
        continue;
      }
      leases.renewed(id, reply.response, askedMs);
      trace.add(this.#name, `lease ${id.toString(16)} kept alive at ${machine.name}: ${reply.response} s`);
      if (reply.response === 0) return;
      if (this.#prng.chance(0.3)) await this.#inquire(id);
    }
  }

  /** What is left of it is anything but nothing, as long as it is kept alive. */
  async #inquire(id: bigint): Promise<void> {
    const machine = this.#world.anyMachine(this.#prng);
    const request = { ID: id, keys: true };
    const reply = await this.#caller.call(machine, TIMEOUT_MS, (member) => member.leaseTimeToLive(request));
    if (reply.kind !== 'answer') return;
    const { TTL } = reply.response;
    this.#world.trace.add(this.#name, `lease ${id.toString(16)} has ${TTL} s left, says ${machine.name}`);
    this.#world.leases.told(id, TTL);
  }

  async #revoke(id: bigint): Promise<void> {
    this.#world.leases.revokeAsked(id);
    const machine = this.#world.anyMachine(this.#prng);
    const reply = await this.#caller.call(machine, TIMEOUT_MS, (member) => member.leaseRevoke({ ID: id }));
    this.#world.trace.add(this.#name, `lease ${id.toString(16)} revoked: ${reply.kind}`);
  }
}
