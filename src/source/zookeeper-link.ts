import zookeeper, { type Client, type Exception } from 'node-zookeeper-client';
import { byteText } from '../base/byte-text.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock, Timer } from '../io/clock.js';
import { ChangeSignal, orAborted } from './signals.js';

const CONNECT_TIMEOUT_MS = 5_000;
const SESSION_TIMEOUT_MS = 10_000;
/** Asked so often whether it is still there, and given so long to answer: the library never gives up a silent server. */
const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 10_000;

export interface ZookeeperNode {
  readonly path: string;
  readonly children: readonly string[];
  readonly value: string;
}

/** One session. Never mended: after a lost connection a new one is opened, for its watches may have missed something. */
export class ZookeeperLink {
  readonly where: string;
  /** Told whenever a node that was read with a watch may have changed; failed when the session is lost. */
  readonly changes = new ChangeSignal();
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #watch = (): void => this.changes.tell();
  #heartbeat: Timer | undefined;

  private constructor(where: string, client: Client, clock: Clock) {
    this.where = where;
    this.#client = client;
    this.#clock = clock;
    this.#beat();
    for (const event of ['disconnected', 'expired', 'authenticationFailed'] as const) {
      client.once(event, () => this.changes.fail(new Error(`the session was lost (${event})`)));
    }
  }

  /** `servers`: `host:port,host:port`, with a folder behind the last one as ZooKeeper's own tools have it. */
  static async open(
    servers: string,
    clock: Clock,
    signal: AbortSignal,
    dialTimeoutMs = CONNECT_TIMEOUT_MS,
  ): Promise<ZookeeperLink> {
    const client = zookeeper.createClient(servers, { sessionTimeout: SESSION_TIMEOUT_MS, retries: 0 });
    const connected = new Promise<void>((resolve, reject) => {
      client.once('connected', resolve);
      client.once('authenticationFailed', () => reject(new Error('the login is refused')));
      const timer = clock.schedule(dialTimeoutMs, () =>
        reject(
          new ConfetdError(
            'unavailable',
            `no connection within ${dialTimeoutMs / 1000} s: start it, or name another with --node`,
          ),
        ),
      );
      client.once('connected', () => timer.cancel());
    });
    client.connect();
    try {
      await orAborted(connected, signal, () => client.close());
    } catch (error) {
      client.close();
      throw error;
    }
    return new ZookeeperLink(servers, client, clock);
  }

  /** Undefined: there is no such node. A watch is left in any case: it may be made. */
  async node(path: string, watch: boolean): Promise<ZookeeperNode | undefined> {
    const client = this.#client;
    const children = await optional<string[]>((done) =>
      watch ? client.getChildren(path, this.#watch, done) : client.getChildren(path, done),
    );
    if (children === undefined) {
      if (!watch) return undefined;
      const made = await optional<object | null>((done) => client.exists(path, this.#watch, done));
      // Made in between: its children are to be asked for anew.
      return made === undefined || made === null ? undefined : this.node(path, watch);
    }
    if (children.length > 0) return { path, children, value: '' };
    const data = await optional<Buffer | null>((done) =>
      watch ? client.getData(path, this.#watch, done) : client.getData(path, done),
    );
    // Gone in between: the watch on its children tells.
    return data === undefined ? undefined : { path, children, value: byteText(data ?? []) };
  }

  #beat(): void {
    this.#heartbeat = this.#clock.schedule(HEARTBEAT_MS, () => {
      this.#heartbeat = this.#clock.schedule(SILENCE_MS, () => {
        this.changes.fail(new Error(`no answer for ${SILENCE_MS / 1000} s`));
      });
      this.#client.exists('/', () => {
        this.#heartbeat?.cancel();
        if (this.changes.failure === undefined) this.#beat();
      });
    });
  }

  destroy(): void {
    this.#heartbeat?.cancel();
    this.changes.fail(new Error('the session was closed'));
    this.#client.close();
  }
}

type Done<Result> = (error: Error | Exception | null, result: Result) => void;

/** Undefined: no such node. */
function optional<Result>(ask: (done: Done<Result>) => void): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    ask((error, result) => {
      if (error === null || error === undefined) resolve(result);
      else if ('code' in error && error.code === zookeeper.Exception.NO_NODE) resolve(undefined);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}
