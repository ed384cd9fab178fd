import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './etcd.js';
import { peer } from './peers.js';

const url = (port: number): string => `http://127.0.0.1:${port}`;

/** Members talk to each other through proxies, which know who speaks: so one can be cut off from the others. */
class PeerProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #links = new Set<{ readonly from: string; readonly sockets: readonly Socket[] }>();
  /** Whose connections are refused: member IDs in hex, `*` for everybody's. */
  refused: ReadonlySet<string> = new Set();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', (head: Buffer) => this.#accept(socket, head));
    });
  }

  static async start(port: number, target: number): Promise<PeerProxy> {
    const proxy = new PeerProxy(target);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  refuse(from: ReadonlySet<string>): void {
    this.refused = from;
    for (const link of this.#links) if (this.#isRefused(link.from)) destroyAll(link.sockets);
  }

  close(): void {
    for (const { sockets } of this.#links) destroyAll(sockets);
    this.#server.close();
  }

  #isRefused(from: string): boolean {
    return this.refused.has('*') || this.refused.has(from);
  }

  #accept(socket: Socket, head: Buffer): void {
    const [, from = ''] = /^X-Server-From: ([0-9a-f]+)/im.exec(head.toString('latin1')) ?? [];
    if (this.#isRefused(from)) {
      socket.destroy();
      return;
    }
    const upstream = connect(this.#target, '127.0.0.1');
    const link = { from, sockets: [socket, upstream] };
    this.#links.add(link);
    for (const each of link.sockets) {
      each.on('error', () => destroyAll(link.sockets));
      each.on('close', () => {
        destroyAll(link.sockets);
        this.#links.delete(link);
      });
    }
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  }
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

/** One member of an {@link EtcdCluster}, as its own process. */
export class EtcdMember {
  readonly endpoint: string;
  readonly #argv: readonly string[];
  readonly #program: string;
  #child: ChildProcess | undefined;

  constructor(program: string, endpoint: string, argv: readonly string[]) {
    this.#program = program;
    this.endpoint = endpoint;
    this.#argv = argv;
    this.start();
  }

  start(): void {
    this.#child = spawn(this.#program, this.#argv, { stdio: 'ignore' });
  }

  /** kill -9; its data stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** It hangs: its connections stay open, and nothing answers. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async healthy(): Promise<void> {
    for (const until = Date.now() + 15_000; Date.now() < until; ) {
      const healthy = await fetch(`http://${this.endpoint}/health`, { signal: AbortSignal.timeout(1_000) })
        .then(async (response) => response.ok && (await response.text()).includes('"true"'))
        .catch(() => false);
      if (healthy) return;
      await new Promise((wake) => setTimeout(wake, 20));
    }
    throw new Error(`etcd on ${this.endpoint} did not become healthy`);
  }
}

/** A real etcd of several members on loopback. Elections take less than a second. */
export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #proxies: readonly PeerProxy[];
  readonly #folder: string;
  #ids: readonly string[] = [];

  private constructor(members: readonly EtcdMember[], proxies: readonly PeerProxy[], folder: string) {
    this.members = members;
    this.#proxies = proxies;
    this.#folder = folder;
  }

  static async start(size = 3): Promise<EtcdCluster> {
    const program = peer('etcd');
    if (program === undefined) throw new Error('etcd is not installed: skip this test with peer()');
    const folder = await mkdtemp(join(tmpdir(), 'confetd-etcd-'));
    const ports: { name: string; client: number; peer: number; proxy: number }[] = [];
    for (let at = 0; at < size; at++) {
      const [client, own, proxy] = [await freePort(), await freePort(), await freePort()];
      ports.push({ name: `m${at}`, client, peer: own, proxy });
    }
    const proxies = await Promise.all(ports.map((member) => PeerProxy.start(member.proxy, member.peer)));
    const initial = ports.map(({ name, proxy }) => `${name}=${url(proxy)}`).join(',');
    const members = ports.map((own) => {
      const argv = ['--name', own.name, '--data-dir', join(folder, own.name)];
      argv.push('--listen-client-urls', url(own.client), '--advertise-client-urls', url(own.client));
      argv.push('--listen-peer-urls', url(own.peer), '--initial-advertise-peer-urls', url(own.proxy));
      argv.push('--initial-cluster', initial, '--initial-cluster-token', folder);
      argv.push('--heartbeat-interval', '50', '--election-timeout', '400', '--log-level', 'error');
      return new EtcdMember(program, `127.0.0.1:${own.client}`, [...argv, '--logger', 'zap']);
    });
    const cluster = new EtcdCluster(members, proxies, folder);
    await cluster.healthy();
    cluster.#ids = await Promise.all(members.map(memberId));
    return cluster;
  }

  get endpoints(): string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  /** By its endpoint. */
  member(endpoint: string | undefined): EtcdMember {
    const member = this.members.find((each) => each.endpoint === endpoint);
    if (member === undefined) throw new Error(`no member serves ${endpoint}`);
    return member;
  }

  async healthy(): Promise<void> {
    await Promise.all(this.members.map((member) => member.healthy()));
  }

  /** No message passes between this member and the others; clients reach all of them. */
  isolate(member: EtcdMember): void {
    const at = this.members.indexOf(member);
    const id = this.#ids[at] ?? '';
    for (const [index, proxy] of this.#proxies.entries()) {
      proxy.refuse(new Set(index === at ? ['*'] : [id]));
    }
  }

  heal(): void {
    for (const proxy of this.#proxies) proxy.refuse(new Set());
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    for (const proxy of this.#proxies) proxy.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** In hex, as members name each other. */
async function memberId({ endpoint }: EtcdMember): Promise<string> {
  const response = await fetch(`http://${endpoint}/v3/maintenance/status`, { method: 'POST', body: '{}' });
  const [, id = '0'] = /"member_id":"(\d+)"/.exec(await response.text()) ?? [];
  return BigInt(id).toString(16);
}
