import { type Client, status as grpcStatus } from '@grpc/grpc-js';
import { Prng } from '../../../src/base/prng.js';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  KVService,
  TxnRequest,
} from '../../../src/proto/generated/etcd_rpc.js';
import type { Cluster } from '../../cluster.js';
import { bytes, put, range } from '../../conformance/rpc.js';
import { History, type Pending } from '../../linearizability/history.js';
import type { Action, Answer, Value } from '../../linearizability/types.js';
import { type Answered, channelTo, unary } from '../../unary.js';

/** A change that a client was told of: it must be in every member's history, forever. */
export interface Acknowledged {
  readonly key: string;
  /** Null: it was deleted. */
  readonly value: Value;
  readonly revision: number;
}

export interface WorkloadOptions {
  readonly clients?: number;
  readonly keys?: number;
  /** Of all keys. */
  readonly prefix?: string;
  readonly seed?: number;
}

/** Neither happened nor will: there was no connection, or the server said so before it proposed anything. */
const CERTAIN_REFUSALS: readonly number[] = [
  grpcStatus.FAILED_PRECONDITION,
  grpcStatus.INVALID_ARGUMENT,
  grpcStatus.RESOURCE_EXHAUSTED,
  grpcStatus.UNIMPLEMENTED,
];

/** A pause after a failure: whoever is refused at once shouldn't ask a thousand times a second. */
const AFTER_FAILURE_MS = 10;

/**
 * Clients that put, read, delete and swap a few keys as fast as they are answered, and record what they asked and heard.
 * Each stays with one member until that one fails it, then turns to the next. One more client, with little patience, puts
 * a key of its own: it finds the first moment at which writes go through again.
 */
export class Workload {
  readonly history = new History(() => performance.now());
  readonly acknowledged: Acknowledged[] = [];
  readonly #cluster: Cluster;
  readonly #options: Required<WorkloadOptions>;
  readonly #channels = new Map<string, Client>();
  #clients: Promise<void>[] = [];
  #stopped = false;
  #began = 0;
  #lastWrite = 0;
  #longestGapMs = 0;
  /** Waiting for so many acknowledged writes. */
  readonly #waiting = new Set<{ readonly count: number; readonly wake: () => void }>();
  #number = 0;
  unknown = 0;

  constructor(cluster: Cluster, options: WorkloadOptions = {}) {
    this.#cluster = cluster;
    this.#options = { clients: 9, keys: 12, prefix: 'k', seed: 1, ...options };
  }

  /** Resolves once writes go through. */
  async start(): Promise<this> {
    const { clients, seed } = this.#options;
    this.#began = performance.now();
    this.#lastWrite = this.#began;
    this.#clients = Array.from({ length: clients }, (_, index) =>
      this.#client(index, new Prng(seed + index)),
    );
    this.#clients.push(this.#probe());
    await this.writes(clients * 5);
    // What it took to connect is not what is measured.
    this.#longestGapMs = 0;
    return this;
  }

  /** Resolves after so many further acknowledged writes. */
  writes(count: number, timeoutMs = 30_000): Promise<void> {
    const until = this.acknowledged.length + count;
    return new Promise((resolve, reject) => {
      const waiting = {
        count: until,
        wake: () => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        const missing = until - this.acknowledged.length;
        reject(
          new Error(
            `${missing} of ${count} writes not acknowledged in ${timeoutMs} ms:\n${this.#cluster.output}`,
          ),
        );
      }, timeoutMs);
      this.#waiting.add(waiting);
    });
  }

  /** The longest time without a successful write of anybody, up to now. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, this.#stopped ? 0 : performance.now() - this.#lastWrite);
  }

  /** Resolves when the calls under way have ended. */
  async stop(): Promise<void> {
    this.#longestGapMs = this.longestGapMs;
    this.#stopped = true;
    await Promise.all(this.#clients);
    for (const channel of this.#channels.values()) channel.close();
  }

  async #client(index: number, random: Prng): Promise<void> {
    const { keys, prefix } = this.#options;
    const patience = this.#cluster.electionMs * 2;
    let at = index;
    // What it believes a key to hold: swaps should sometimes succeed.
    const believed = new Map<string, Value>();
    while (!this.#stopped) {
      const key = `${prefix}${random.below(keys)}`;
      const action = this.#anyAction(random, believed.get(key) ?? null, index);
      const answer = await this.#call(`c${index}`, at, key, action, patience);
      if (answer === undefined) {
        at++;
        await pause(AFTER_FAILURE_MS);
      } else if (answer.kind === 'found') believed.set(key, answer.value);
    }
  }

  async #probe(): Promise<void> {
    const patience = this.#cluster.electionMs / 3;
    let at = 0;
    while (!this.#stopped) {
      const value = `p${this.#number++}`;
      const answer = await this.#call(
        'probe',
        at,
        `${this.#options.prefix}probe`,
        { kind: 'put', value },
        patience,
      );
      if (answer === undefined) at++;
      await pause(AFTER_FAILURE_MS);
    }
  }

  #anyAction(random: Prng, believed: Value, index: number): Action {
    const value = `${index}/${this.#number++}`;
    const dice = random.below(100);
    if (dice < 40) return { kind: 'put', value };
    if (dice < 80) return { kind: 'get' };
    if (dice < 95) return { kind: 'compareAndSwap', expected: believed, value };
    return { kind: 'delete' };
  }

  /** Undefined: it failed. */
  async #call(
    client: string,
    at: number,
    key: string,
    action: Action,
    patienceMs: number,
  ): Promise<Answer | undefined> {
    const { members } = this.#cluster;
    const endpoint = members[at % members.length]?.endpoint ?? '';
    let channel = this.#channels.get(endpoint);
    if (channel === undefined) {
      channel = channelTo(endpoint);
      this.#channels.set(endpoint, channel);
    }
    const pending = this.history.call(client, key, action);
    const done = await perform(channel, key, action, patienceMs);
    if ('response' in done) {
      const { answer, written } = done.response;
      pending.answered(answer);
      if (written !== undefined) this.#acknowledge(written);
      return answer;
    }
    this.#failed(pending, action, done);
    return undefined;
  }

  #failed(pending: Pending, action: Action, { code, details }: { code: number; details: string }): void {
    const neverSent = details.includes('No connection established');
    if (action.kind === 'get' || neverSent || CERTAIN_REFUSALS.includes(code)) {
      pending.refused();
      return;
    }
    this.unknown++;
    pending.unknown();
  }

  #acknowledge(written: Acknowledged): void {
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastWrite);
    this.#lastWrite = now;
    this.acknowledged.push(written);
    for (const waiting of [...this.#waiting]) {
      if (this.acknowledged.length >= waiting.count) waiting.wake();
    }
  }
}

interface Done {
  readonly answer: Answer;
  /** What it changed, if it did. */
  readonly written: Acknowledged | undefined;
}

/** One action as etcd's calls have it. */
async function perform(
  channel: Client,
  key: string,
  action: Action,
  timeoutMs: number,
): Promise<Answered<Done>> {
  switch (action.kind) {
    case 'put': {
      const { value } = action;
      const answered = await unary(channel, KVService.put, put(key, value), timeoutMs);
      return map(answered, ({ header }) => ({
        answer: { kind: 'done' },
        written: { key, value, revision: header?.revision ?? 0 },
      }));
    }
    case 'get': {
      const answered = await unary(channel, KVService.range, range(key), timeoutMs);
      return map(answered, ({ kvs }) => ({
        answer: { kind: 'found', value: kvs[0]?.value.toString('latin1') ?? null },
        written: undefined,
      }));
    }
    case 'delete': {
      const request = { key: bytes(key), rangeEnd: Buffer.alloc(0), prevKv: false };
      const answered = await unary(channel, KVService.deleteRange, request, timeoutMs);
      return map(answered, ({ header, deleted }) => ({
        answer: { kind: 'changed', changed: deleted > 0 },
        written: deleted > 0 ? { key, value: null, revision: header?.revision ?? 0 } : undefined,
      }));
    }
    case 'compareAndSwap': {
      const { value } = action;
      const answered = await unary(channel, KVService.txn, swap(key, action.expected, value), timeoutMs);
      return map(answered, ({ header, succeeded }) => ({
        answer: { kind: 'changed', changed: succeeded },
        written: succeeded ? { key, value, revision: header?.revision ?? 0 } : undefined,
      }));
    }
  }
}

function swap(key: string, expected: Value, value: string): TxnRequest {
  const condition =
    expected === null
      ? {
          target: Compare_CompareTarget.Version,
          targetUnion: { $case: 'version' as const, value: 0 },
        }
      : {
          target: Compare_CompareTarget.Value,
          targetUnion: { $case: 'value' as const, value: bytes(expected) },
        };
  return TxnRequest.fromPartial({
    compare: [{ key: bytes(key), result: Compare_CompareResult.Equal, ...condition }],
    success: [{ request: { $case: 'requestPut', value: put(key, value) } }],
  });
}

function map<A, B>(answered: Answered<A>, to: (response: A) => B): Answered<B> {
  return 'response' in answered ? { response: to(answered.response) } : answered;
}

function pause(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
