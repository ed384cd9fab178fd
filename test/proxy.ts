import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A link is one way: what `from` sends to `to`. `held`: nothing arrives, nobody is told, and what was sent comes late, as
 * when packets are lost until they aren't. `reset`: connections break, and new ones too.
 */
export type LinkState = 'open' | 'held' | 'reset';

export interface ProxyTarget {
  readonly name: string;
  readonly port: number;
}

/**
 * The wires between members: one listener in front of each member's peer port, which it advertises instead of its own.
 * Who dials is found by the process that owns the other end (Linux).
 */
export class Wires {
  readonly #links = new Map<string, LinkState>();
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #dialerOf: (pid: number) => string | undefined;
  readonly #pids: () => readonly number[];

  /** `processes`: the members' names by their process IDs, as they are now. */
  constructor(processes: () => ReadonlyMap<number, string>) {
    this.#pids = () => [...processes().keys()];
    this.#dialerOf = (pid) => processes().get(pid);
  }

  /** A listener in front of a member; its port. */
  async listen(target: ProxyTarget): Promise<number> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, (socket) =>
      this.#accept(socket, target),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#servers.push(server);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** One way only. */
  set(from: string, to: string, state: LinkState): void {
    this.#links.set(`${from}>${to}`, state);
    for (const connection of [...this.#connections]) connection.look();
  }

  /** Both ways. */
  cut(one: string, other: string, state: Exclude<LinkState, 'open'>): void {
    this.set(one, other, state);
    this.set(other, one, state);
  }

  healAll(): void {
    this.#links.clear();
    for (const connection of [...this.#connections]) connection.look();
  }

  async close(): Promise<void> {
    for (const connection of [...this.#connections]) connection.close();
    await Promise.all(this.#servers.map((server) => new Promise((closed) => server.close(closed))));
  }

  #accept(socket: Socket, target: ProxyTarget): void {
    const pid = ownerOf(socket.remotePort ?? 0, socket.localPort ?? 0, this.#pids());
    // Gone already, or not a member: nobody's wire leads here.
    const dialer = pid === undefined ? undefined : this.#dialerOf(pid);
    if (dialer === undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const state = (from: string, to: string): LinkState => this.#links.get(`${from}>${to}`) ?? 'open';
    const connection: Connection = new Connection(socket, target.port, {
      there: () => state(dialer, target.name),
      back: () => state(target.name, dialer),
      closed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    connection.look();
  }
}

interface Ways {
  /** From the dialer to the target. */
  readonly there: () => LinkState;
  readonly back: () => LinkState;
  readonly closed: () => void;
}

/** One connection of a dialer to a target. It is made once both ways are open, as a TCP handshake is. */
class Connection {
  readonly #near: Socket;
  readonly #port: number;
  readonly #ways: Ways;
  #there: Pipe | undefined;
  #back: Pipe | undefined;
  #far: Socket | undefined;

  constructor(near: Socket, port: number, ways: Ways) {
    this.#near = near;
    this.#port = port;
    this.#ways = ways;
    near.setNoDelay(true);
    near.on('error', () => {});
    near.on('close', () => {
      if (this.#far === undefined) ways.closed();
    });
  }

  /** At what its links are now. */
  look(): void {
    const [there, back] = [this.#ways.there(), this.#ways.back()];
    if (there === 'reset' || back === 'reset') {
      this.#near.resetAndDestroy();
      this.#far?.resetAndDestroy();
      this.#ways.closed();
      return;
    }
    if (this.#far === undefined) {
      if (there === 'open' && back === 'open' && !this.#near.destroyed) this.#connect();
      return;
    }
    this.#there?.look();
    this.#back?.look();
  }

  close(): void {
    this.#near.destroy();
    this.#far?.destroy();
    this.#ways.closed();
  }

  #connect(): void {
    const far = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#far = far;
    far.on('error', () => {});
    this.#there = new Pipe(this.#near, far, () => this.#ways.there() === 'held');
    this.#back = new Pipe(far, this.#near, () => this.#ways.back() === 'held');
    const gone = (): void => {
      if (far.destroyed && this.#near.destroyed) this.#ways.closed();
    };
    far.on('close', gone);
    this.#near.on('close', gone);
    this.look();
  }
}

/** One way of a connection: bytes and their end, unless it is held. Its memory is bounded by two sockets' buffers. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: () => boolean;
  #ended = false;
  #full = false;

  constructor(from: Socket, to: Socket, held: () => boolean) {
    this.#from = from;
    this.#to = to;
    this.#held = held;
    from.on('data', (bytes: Buffer) => {
      if (to.destroyed) return;
      this.#full = !to.write(bytes);
      if (this.#full) from.pause();
    });
    to.on('drain', () => {
      this.#full = false;
      this.look();
    });
    from.on('close', () => {
      this.#ended = true;
      this.look();
    });
  }

  look(): void {
    if (this.#held()) this.#from.pause();
    // The end comes behind the bytes: what is written is flushed first.
    else if (this.#ended) this.#to.destroySoon();
    else if (!this.#full) this.#from.resume();
  }
}

/** Which of the processes holds the connection from `localPort` to `remotePort` of loopback; undefined: none of them. */
function ownerOf(localPort: number, remotePort: number, pids: readonly number[]): number | undefined {
  const address = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // A program may have opened it as IPv6: the kernel then lists it in the other table.
  const mapped = (port: number): string => `0000000000000000FFFF0000${address(port)}`;
  const inode =
    inodeOf('/proc/net/tcp', address(localPort), address(remotePort)) ??
    inodeOf('/proc/net/tcp6', mapped(localPort), mapped(remotePort));
  return pids.find((pid) => inode !== undefined && holds(pid, `socket:[${inode}]`));
}

function inodeOf(table: string, local: string, remote: string): string | undefined {
  for (const line of readFileSync(table, 'utf8').split('\n')) {
    const [, from, to, , , , , , , inode] = line.trim().split(/\s+/);
    if (from === local && to === remote) return inode;
  }
  return undefined;
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === socket;
      } catch {
        return false; // Closed meanwhile.
      }
    });
  } catch {
    return false; // Ended meanwhile.
  }
}
