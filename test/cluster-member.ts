import type { Client, MethodDefinition } from '@grpc/grpc-js';
import { MaintenanceService, StatusRequest, type StatusResponse } from '../src/proto/generated/etcd_rpc.js';
import { Child, type Exit } from './child.js';
import { eventually, spawnConfetd } from './daemon.js';
import { peer } from './peers.js';
import { type Answered, channelTo, unary } from './unary.js';

export type ClusterKind = 'confetd' | 'etcd';

export interface MemberSpec {
  readonly name: string;
  readonly kind: ClusterKind;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly peerUrl: string;
  readonly cwd: string;
  readonly dataDir: string;
  /** `--initial-cluster` as it is now. */
  readonly initialCluster: () => string;
  readonly flags: () => readonly string[];
}

/** One member's process, its ports and its folder. */
export class ClusterMember {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** As it is advertised. */
  readonly peerUrl: string;
  readonly cwd: string;
  readonly dataDir: string;
  readonly #spec: MemberSpec;
  readonly #client: Client;
  #child: Child | undefined;
  #initialCluster = '';

  constructor(spec: MemberSpec) {
    ({
      name: this.name,
      clientPort: this.clientPort,
      peerPort: this.peerPort,
      peerUrl: this.peerUrl,
      cwd: this.cwd,
      dataDir: this.dataDir,
    } = spec);
    this.#spec = spec;
    this.#client = channelTo(this.endpoint);
  }

  /** `127.0.0.1:PORT` */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  /** The last one started, if any. */
  get process(): Child | undefined {
    return this.#child;
  }

  /** 0: none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child?.running === true;
  }

  /** Without waiting. A member that has data ignores the state and the cluster that it is given. */
  start(state: 'new' | 'existing'): Child {
    if (this.running) throw new Error(`${this.name} runs already`);
    // What it was first told it is told each time, as by a service's unit file.
    if (this.#initialCluster === '') this.#initialCluster = this.#spec.initialCluster();
    const listen = (port: number): string => `http://127.0.0.1:${port}`;
    const client = listen(this.clientPort);
    const argv = [
      ...['--name', this.name, '--data-dir', this.dataDir],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', listen(this.peerPort), '--initial-advertise-peer-urls', this.peerUrl],
      ...['--initial-cluster', this.#initialCluster, '--initial-cluster-state', state],
      ...this.#spec.flags(),
    ];
    const { cwd, kind } = this.#spec;
    this.#child =
      kind === 'confetd'
        ? spawnConfetd(argv, { cwd })
        : new Child(peer('etcd') ?? 'etcd', ['--logger', 'zap', '--log-level', 'error', ...argv], { cwd });
    return this.#child;
  }

  /** kill -9. Data and ports stay. */
  kill(): Promise<Exit> {
    return this.#running().end('SIGKILL');
  }

  /** SIGTERM, and waits for the end. */
  stop(): Promise<Exit> {
    return this.#running().end('SIGTERM');
  }

  /** After {@link kill} or {@link stop}; resolves once it knows a leader. */
  async restart(): Promise<void> {
    this.start('existing');
    await this.ready();
  }

  /** SIGSTOP: it neither runs nor is gone. */
  pause(): void {
    this.#running().signal('SIGSTOP');
  }

  resume(): void {
    this.#running().signal('SIGCONT');
  }

  /** Resolves once it knows a leader; rejects with what it printed when it ends first, or after the bound. */
  async ready(timeoutMs = 30_000): Promise<void> {
    const child = this.#running();
    await Promise.race([
      eventually(
        async () => {
          if (!child.running) return;
          if ((await this.status()).leader === 0n) throw new Error('no leader');
        },
        { timeoutMs, what: () => `${this.name} knows no leader:\n${child.output}` },
      ),
      child.exited,
    ]);
    if (!child.running) throw new Error(`${this.name} ended:\n${child.output}`);
  }

  status(timeoutMs = 1_000): Promise<StatusResponse> {
    return this.ask(MaintenanceService.status, StatusRequest.create(), timeoutMs);
  }

  /** Its answer, over a channel of its own; rejects with the refusal. */
  async ask<Q, R>(method: MethodDefinition<Q, R>, request: Q, timeoutMs = 10_000): Promise<R> {
    const answered = await this.outcome(method, request, timeoutMs);
    if ('response' in answered) return answered.response;
    throw new Error(`${method.path} of ${this.name}: ${answered.code} ${answered.details}`);
  }

  /** As {@link ask}, but a refusal is an answer. */
  outcome<Q, R>(method: MethodDefinition<Q, R>, request: Q, timeoutMs = 10_000): Promise<Answered<R>> {
    return unary(this.#client, method, request, timeoutMs);
  }

  async close(): Promise<void> {
    this.#client.close();
    if (this.running) await this.kill();
  }

  #running(): Child {
    if (this.#child === undefined) throw new Error(`${this.name} was never started`);
    return this.#child;
  }
}
