import { join } from 'node:path';
import { ClusterService, type Member, MemberAddRequest } from '../src/proto/generated/etcd_rpc.js';
import { type Result, run } from './child.js';
import { type ClusterKind, ClusterMember } from './cluster-member.js';
import { claimPort, eventually, scratch } from './daemon.js';
import { peer } from './peers.js';
import { Wires } from './proxy.js';

/** Whose clusters the tests run: `TEST_E2E_PEER=etcd` shows that what they ask for is no more than etcd does. */
export const CLUSTER_KIND: ClusterKind = process.env.TEST_E2E_PEER === 'etcd' ? 'etcd' : 'confetd';

/** Of a test with a cluster: for machines on which others work too. On a quiet one none takes ten seconds. */
export const PATIENCE_MS = 90_000;

export interface ClusterOptions {
  readonly kind?: ClusterKind;
  readonly size?: number;
  /** etcd's defaults are 100 and 1,000. */
  readonly heartbeatMs?: number;
  readonly electionMs?: number;
  /** Puts {@link Cluster.wires} between the members. */
  readonly wired?: boolean;
  readonly token?: string;
  /** Our members also render; unless asked for, they don't. */
  readonly renders?: boolean;
  /** Further flags of a member; they go last, so they win. */
  readonly args?: (name: string) => readonly string[];
  /** Where a member's data goes; a new folder unless given. */
  readonly dataDir?: (name: string) => string | undefined;
}

/** Members as processes of their own on loopback: ours, or stock etcd's. */
export class Cluster {
  readonly kind: ClusterKind;
  readonly electionMs: number;
  /** Between the members, where asked for. */
  readonly wires: Wires;
  readonly #options: ClusterOptions;
  readonly #members: ClusterMember[] = [];

  private constructor(options: ClusterOptions) {
    this.kind = options.kind ?? CLUSTER_KIND;
    this.electionMs = options.electionMs ?? 500;
    this.#options = options;
    this.wires = new Wires(() => new Map(this.#members.map((member) => [member.pid, member.name])));
  }

  /** Resolves once every member knows the leader. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    const { size = 3 } = options;
    for (let number = 1; number <= size; number++) await cluster.make(`m${number}`);
    for (const member of cluster.members) member.start('new');
    try {
      await cluster.settled();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get members(): readonly ClusterMember[] {
    return this.#members;
  }

  member(name: string): ClusterMember {
    const found = this.#members.find((member) => member.name === name);
    if (found === undefined) throw new Error(`no member ${name}`);
    return found;
  }

  /** Comma-separated, as etcdctl wants them. */
  get endpoints(): string {
    return this.#members.map(({ endpoint }) => endpoint).join(',');
  }

  /** `--initial-cluster` as it is now. */
  get initialCluster(): string {
    return this.#members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  }

  /** Resolves once all these members (unless given: those that run) know the same one of them as leader. */
  async settled(among?: readonly ClusterMember[], timeoutMs = 30_000): Promise<ClusterMember> {
    return eventually(
      async () => {
        const asked = among ?? this.#members.filter(({ running }) => running);
        const states = await Promise.all(asked.map((member) => member.status()));
        const leaders = new Set(states.map(({ leader }) => leader));
        const [leader] = leaders;
        if (leaders.size !== 1 || leader === undefined || leader === 0n) throw new Error('no agreement');
        const at = states.findIndex(({ header }) => header?.memberId === leader);
        const found = asked[at];
        if (found === undefined) throw new Error('the leader is none of them');
        return found;
      },
      { timeoutMs, what: () => `no leader of all of them:\n${this.output}` },
    );
  }

  /** Who leads, as a majority of all members sees it. Waits for one. */
  async leader(timeoutMs = 30_000): Promise<ClusterMember> {
    return eventually(
      async () => {
        const states = await Promise.allSettled(this.#members.map((member) => member.status(500)));
        for (const [at, state] of states.entries()) {
          if (state.status !== 'fulfilled') continue;
          const { header, leader, raftTerm } = state.value;
          if (leader === 0n || header?.memberId !== leader) continue;
          const votes = states.filter(
            (one) =>
              one.status === 'fulfilled' && one.value.leader === leader && one.value.raftTerm === raftTerm,
          );
          const found = this.#members[at];
          if (found !== undefined && votes.length > this.#members.length / 2) return found;
        }
        throw new Error('nobody leads');
      },
      { timeoutMs, what: () => `no leader:\n${this.output}` },
    );
  }

  /** All but this one. */
  others(member: ClusterMember): readonly ClusterMember[] {
    return this.#members.filter((other) => other !== member);
  }

  /**
   * Asks `by` to add a member with this name; its first start, with an empty folder, is the caller's. Asks again while the
   * cluster is "unhealthy": until all have been connected for 5 s.
   */
  async add(name: string, by: ClusterMember, isLearner = false): Promise<ClusterMember> {
    const member = await this.make(name);
    const request = MemberAddRequest.fromPartial({ peerURLs: [member.peerUrl], isLearner });
    const added = await eventually(
      async () => {
        const answered = await by.outcome(ClusterService.memberAdd, request);
        if (!('response' in answered) && answered.details.includes('unhealthy cluster')) {
          throw new Error(answered.details);
        }
        return answered;
      },
      { timeoutMs: 20_000 },
    );
    if (!('response' in added)) throw new Error(`member add: ${added.code} ${added.details}`);
    return member;
  }

  /** Asks `by` to remove it. Its process and folder stay as they are. */
  async remove(member: ClusterMember, by: ClusterMember): Promise<void> {
    const ID = await this.idOf(member, by);
    await by.ask(ClusterService.memberRemove, { ID });
    this.forget(member);
  }

  /** It is a member no more. */
  forget(member: ClusterMember): void {
    this.#members.splice(this.#members.indexOf(member), 1);
  }

  /** As the members' list has it: by its peer URL, which it has before its name. */
  async idOf(member: ClusterMember, by: ClusterMember): Promise<bigint> {
    const { members } = await by.ask(ClusterService.memberList, { linearizable: true });
    const found = members.find((one: Member) => one.peerURLs.includes(member.peerUrl));
    if (found === undefined) throw new Error(`${member.name} is not in the members' list`);
    return found.ID;
  }

  /** Stock etcdctl with these members' endpoints (unless given: all), run to its end. */
  etcdctl(args: readonly string[], among: readonly ClusterMember[] = this.#members): Promise<Result> {
    const endpoints = among.map(({ endpoint }) => endpoint).join(',');
    return run(peer('etcdctl') ?? 'etcdctl', ['--endpoints', endpoints, ...args], {
      env: { ETCDCTL_API: '3' },
    });
  }

  /** The last of what each printed: for messages of failed tests. */
  get output(): string {
    return this.#members
      .map(({ name, process }) => `--- ${name}\n${process?.output.slice(-3_000) ?? '(not started)'}`)
      .join('\n');
  }

  /** Kills what runs. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()));
    await this.wires.close();
  }

  /** A member with ports and a folder, which nobody knows yet. */
  async make(name: string): Promise<ClusterMember> {
    const [clientPort, peerPort] = [await claimPort(), await claimPort()];
    const wired = this.#options.wired === true;
    const advertised = wired ? await this.wires.listen({ name, port: peerPort }) : peerPort;
    const cwd = scratch();
    const member = new ClusterMember({
      name,
      kind: this.kind,
      clientPort,
      peerPort,
      peerUrl: `http://127.0.0.1:${advertised}`,
      cwd,
      dataDir: this.#options.dataDir?.(name) ?? join(cwd, 'data'),
      initialCluster: () => this.initialCluster,
      flags: () => [
        ...['--initial-cluster-token', this.#options.token ?? 'cluster-of-a-test'],
        ...['--heartbeat-interval', String(this.#options.heartbeatMs ?? 50)],
        ...['--election-timeout', String(this.electionMs)],
        ...(this.kind === 'etcd' ? ['--pre-vote'] : this.#options.renders === true ? [] : ['--no-render']),
        ...(this.#options.args?.(name) ?? []),
      ],
    });
    this.#members.push(member);
    return member;
  }
}
