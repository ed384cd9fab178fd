import type { ConfetdError } from '../../../src/base/errors.js';
import type { Prng } from '../../../src/base/prng.js';
import { sleep } from '../../../src/io/clock.js';
import type { Member } from '../../../src/member/member.js';
import type { RangeResponse } from '../../../src/proto/generated/etcd_rpc.js';
import {
  describeRequest,
  hasWritten,
  type Operation,
  type Request,
  type Response,
  revisionOf,
} from '../check/operation.js';
import type { Machine } from '../machine.js';
import type { World } from '../world.js';
import { Caller, type Reply } from './caller.js';
import { drawRequest, type Knowledge } from './workload.js';

const MAX_TIMEOUT_MS = 8_000;
/** A client that was refused a connection waits a little. */
const NOBODY_MS = 150;

/** What the state itself refuses, having changed nothing. All other errors leave the outcome open. */
const REFUSALS = new Set(['not_found', 'out_of_range', 'invalid_argument', 'failed_precondition']);

/** One client: it asks one thing after another, of one member for a while, and remembers what it has seen. */
export class Session {
  readonly #world: World;
  readonly #name: string;
  readonly #draw: typeof drawRequest;
  readonly #prng: Prng;
  readonly #caller: Caller;
  readonly #knowledge: Knowledge = { revision: 1, values: new Map() };
  #machine: Machine;
  #count = 0;

  /** `draw` says what it asks for. */
  constructor(world: World, name: string, draw: typeof drawRequest = drawRequest) {
    this.#world = world;
    this.#name = name;
    this.#draw = draw;
    this.#prng = world.fork();
    this.#caller = new Caller(world, this.#prng);
    this.#machine = world.anyMachine(this.#prng);
  }

  /** Goes on until the run says that it is enough. */
  async run(): Promise<void> {
    const world = this.#world;
    while (world.clientsRun) {
      await sleep(world.clock, this.#prng.float() * world.profile.thinkMs);
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const world = this.#world;
    if (this.#prng.chance(world.profile.switching)) this.#machine = world.anyMachine(this.#prng);
    const machine = this.#machine;
    const tag = `${this.#name}.${++this.#count}`;
    const request = this.#draw(this.#prng, tag, this.#knowledge);
    const operation = world.record({ client: this.#name, tag, machine, request });
    world.trace.add(this.#name, `${tag} ${machine.name} ${describeRequest(request)}`);
    const timeoutMs = 500 + this.#prng.float() * MAX_TIMEOUT_MS;
    const ended = (reply: Reply<Response>) => this.#ended(operation, reply);
    const reply = await this.#caller.call(machine, timeoutMs, (member) => run(member, request), ended);
    ended(reply);
    if (reply.kind !== 'answer') this.#machine = world.anyMachine(this.#prng);
    if (reply.kind === 'nobody') await sleep(world.clock, NOBODY_MS);
  }

  #ended(operation: Operation, reply: Reply<Response>): void {
    const world = this.#world;
    const { outcomes } = world.counters;
    switch (reply.kind) {
      case 'answer':
        operation.response = reply.response;
        operation.returned = world.ticket();
        outcomes.answered++;
        this.#learn(operation);
        world.trace.add(
          this.#name,
          `${operation.tag} ${hasWritten(operation) ? 'wrote' : 'saw'} ${revisionOf(operation)}`,
        );
        return;
      case 'error':
        this.#failed(operation, reply.error);
        return;
      case 'nobody':
        operation.refused = 'nobody served there';
        outcomes.nobody++;
        break;
      case 'lost':
        outcomes.unknown++;
    }
    world.trace.add(this.#name, `${operation.tag} ${reply.kind}`);
  }

  #failed(operation: Operation, error: ConfetdError): void {
    const { counters, trace } = this.#world;
    if (REFUSALS.has(error.code)) {
      operation.refused = error.message;
      counters.outcomes.refused++;
    } else {
      counters.outcomes.unknown++;
    }
    trace.add(this.#name, `${operation.tag} ${error.code} ${error.message}`);
  }

  #learn(operation: Operation): void {
    const knowledge = this.#knowledge;
    knowledge.revision = Math.max(knowledge.revision, revisionOf(operation));
    const { request, response } = operation;
    if (request.kind === 'put') knowledge.values.set(request.put.key.toString(), operation.tag);
    if (request.kind === 'delete') knowledge.values.delete(request.delete.key.toString());
    if (request.kind !== 'range') return;
    for (const { key, value } of (response as RangeResponse).kvs)
      knowledge.values.set(key.toString(), value.toString());
  }
}

function run(member: Member, request: Request): Promise<Response> {
  switch (request.kind) {
    case 'range':
      return member.range(request.range);
    case 'put':
      return member.put(request.put);
    case 'delete':
      return member.deleteRange(request.delete);
    case 'txn':
      return member.txn(request.txn);
  }
}
