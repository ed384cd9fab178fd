import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import {
  AlarmRequest,
  type AlarmResponse,
  ClusterService,
  CompactionRequest,
  type CompactionResponse,
  DeleteRangeRequest,
  type DeleteRangeResponse,
  type HashKVResponse,
  KVService,
  LeaseGrantRequest,
  type LeaseGrantResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  LeaseService,
  type LeaseTimeToLiveResponse,
  MaintenanceService,
  type MemberListResponse,
  PutRequest,
  type PutResponse,
  RangeRequest,
  type RangeResponse,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
} from '../proto/generated/etcd_rpc.js';
import type { RenderStatusResponse, RenderWaitResponse } from '../proto/generated/render.js';
import type { Login } from './authenticate.js';
import type { CallOptions, Method, TlsOptions } from './connection.js';
import { parseEndpoint } from './endpoint.js';
import { type KeepAliveOptions, keepAlive } from './keepalive.js';
import { type Effect, Pool } from './pool.js';
import { type Watching, type WatchListener, type WatchOptions, watch } from './watch.js';

export interface ClientOptions {
  /** `host:port`, `http://host:port`, `https://host:port`, `unix://path`: members of one cluster. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** How long to look for an endpoint that accepts a connection; 2 s. */
  readonly dialTimeoutMs?: number;
  /** Bounds each call; 5 s. */
  readonly requestTimeoutMs?: number;
  readonly tls?: TlsOptions;
  /** Each connection is logged in with it: etcd's authentication. */
  readonly login?: Login;
}

/** The fields of a request that matter; the others are protobuf's zero values. */
type Fields<Request> = { readonly [Key in keyof Request]?: Request[Key] };

/**
 * etcd's v3 client API and confetd's own Render service. Every call rejects with a ConfetdError that has the server's
 * message. A read goes on to another endpoint where one is unavailable; a write is never sent twice: `unavailable`
 * and `deadline_exceeded` mean that it may or may not have happened.
 */
export class Client {
  readonly #pool: Pool;
  readonly #ports: { readonly clock: Clock; readonly random: Random; readonly requestTimeoutMs: number };

  constructor(options: ClientOptions) {
    const { dialTimeoutMs = 2_000, requestTimeoutMs = 5_000, clock, random } = options;
    this.#pool = new Pool({ ...options, dialTimeoutMs });
    this.#ports = { clock, random, requestTimeoutMs };
  }

  range(request: Fields<RangeRequest>, options?: Partial<CallOptions>): Promise<RangeResponse> {
    return this.call(KVService.range, RangeRequest.fromPartial(request), 'read', options);
  }

  put(request: Fields<PutRequest>): Promise<PutResponse> {
    return this.call(KVService.put, PutRequest.fromPartial(request), 'write');
  }

  deleteRange(request: Fields<DeleteRangeRequest>): Promise<DeleteRangeResponse> {
    return this.call(KVService.deleteRange, DeleteRangeRequest.fromPartial(request), 'write');
  }

  txn(request: Fields<TxnRequest>): Promise<TxnResponse> {
    return this.call(KVService.txn, { ...EMPTY_TXN, ...request }, 'write');
  }

  compact(request: Fields<CompactionRequest>): Promise<CompactionResponse> {
    return this.call(KVService.compact, CompactionRequest.fromPartial(request), 'write');
  }

  leaseGrant(request: Fields<LeaseGrantRequest>): Promise<LeaseGrantResponse> {
    return this.call(LeaseService.leaseGrant, LeaseGrantRequest.fromPartial(request), 'write');
  }

  leaseRevoke(id: bigint): Promise<LeaseRevokeResponse> {
    return this.call(LeaseService.leaseRevoke, { ID: id }, 'write');
  }

  leaseTimeToLive(id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse> {
    return this.call(LeaseService.leaseTimeToLive, { ID: id, keys }, 'read');
  }

  leases(): Promise<LeaseLeasesResponse> {
    return this.call(LeaseService.leaseLeases, {}, 'read');
  }

  /** Renews until the lease is gone or the signal aborts: see {@link keepAlive}. */
  keepAlive(options: KeepAliveOptions): Promise<'expired' | 'renewed' | 'stopped'> {
    return keepAlive(this.#pool, this.#ports, options);
  }

  watch(options: WatchOptions, listener: WatchListener): Watching {
    return watch(this.#pool, this.#ports, options, listener);
  }

  memberList(): Promise<MemberListResponse> {
    return this.call(ClusterService.memberList, { linearizable: true }, 'read');
  }

  alarm(request: Fields<AlarmRequest>): Promise<AlarmResponse> {
    const effect = request.action === undefined || request.action === 0 ? 'read' : 'write';
    return this.call(MaintenanceService.alarm, AlarmRequest.fromPartial(request), effect);
  }

  /** Of this endpoint alone. */
  status(endpoint: string): Promise<StatusResponse> {
    return this.#at(endpoint, MaintenanceService.status, {});
  }

  /** Of this endpoint alone; revision 0 is the newest. */
  hashKv(endpoint: string, revision: number): Promise<HashKVResponse> {
    return this.#at(endpoint, MaintenanceService.hashKv, { revision });
  }

  async renderStatus(): Promise<RenderStatusResponse> {
    // Not for a source of keys: milliseconds of a one-shot.
    const { RenderService } = await import('../proto/generated/render.js');
    return await this.call(RenderService.status, {}, 'read');
  }

  /**
   * Answers once the renderer of the daemon that answered last is done with everything up to a revision, or after
   * `timeoutMs` of its clock. Goes to no other endpoint: their files are another host's.
   */
  async renderWait(revision: number, timeoutMs: number): Promise<RenderWaitResponse> {
    const { RenderService } = await import('../proto/generated/render.js');
    const connection = await this.#pool.connection(this.#pool.current);
    await connection.ready(this.#ports.requestTimeoutMs);
    // The daemon gives up first, and can then say what is still open.
    const bound = { timeoutMs: timeoutMs + this.#ports.requestTimeoutMs };
    return await connection.unary(RenderService.wait, { revision, timeoutMs }, bound);
  }

  /** Any method, or one of these with a codec of the caller's. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    effect: Effect,
    options: Partial<CallOptions> = {},
  ): Promise<Response> {
    const timeoutMs = options.timeoutMs ?? this.#ports.requestTimeoutMs;
    return this.#pool.call(method, request, effect, { ...options, timeoutMs });
  }

  /** Makes no call any more. */
  close(): void {
    this.#pool.close();
  }

  async #at<Request, Response>(
    endpoint: string,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const { requestTimeoutMs: timeoutMs } = this.#ports;
    const connection = await this.#pool.connection(parseEndpoint(endpoint));
    await connection.ready(timeoutMs);
    return connection.unary(method, request, { timeoutMs });
  }
}

const EMPTY_TXN: TxnRequest = { compare: [], success: [], failure: [] };
