import { type CallEvents, Connection } from './http2/connection.js';
import { PATHS, putAll } from './messages.js';

/** The load's gRPC client over several connections: every server gets its load from this one. */
export class LoadClient {
  readonly #connections: readonly Connection[];
  #next = 0;

  private constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  /** `endpoint` is HOST:PORT. */
  static connect(endpoint: string, connections = 1, timeoutMs?: number): Promise<LoadClient> {
    return LoadClient.connectAll([endpoint], connections, timeoutMs);
  }

  /** As many connections in all, each to the next endpoint; calls go over them in turn. */
  static async connectAll(
    endpoints: readonly string[],
    connections: number,
    timeoutMs?: number,
  ): Promise<LoadClient> {
    const opened = await Promise.allSettled(
      Array.from({ length: connections }, (_, index) => {
        const [host, port] = (endpoints[index % endpoints.length] ?? '').split(':') as [string, string];
        return Connection.open(host, Number(port), timeoutMs);
      }),
    );
    const client = new LoadClient(opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      client.close();
      throw failed.reason;
    }
    return client;
  }

  /** One unary call over the next connection; `done` hears how long the answer's message was. */
  start(
    path: string,
    message: Uint8Array,
    done: (error: Error | undefined, answerBytes: number) => void,
  ): void {
    let answerBytes = 0;
    this.#connection().call(path, message, true, {
      message: (bytes) => {
        answerBytes = bytes.length;
      },
      end: (error) => done(error, answerBytes),
    });
  }

  /** One unary call; the answer's bytes. */
  call(path: string, message: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer = Buffer.alloc(0);
      this.#connection().call(path, message, true, {
        message: (bytes) => {
          answer = Buffer.from(bytes);
        },
        end: (error) => (error === undefined ? resolve(answer) : reject(error)),
      });
    });
  }

  /** A call of a stream of messages over the next connection, with its first one; `events` hears the answers. */
  stream(path: string, message: Uint8Array, events: CallEvents): void {
    this.#connection().call(path, message, false, events);
  }

  /** Puts all of them, 100 a transaction unless asked for less (a server's own limit is 128), 32 transactions at a time. */
  async loadAll(pairs: Iterable<readonly [string, Buffer | string]>, perTransaction = 100): Promise<void> {
    const source = pairs[Symbol.iterator]();
    const load = async () => {
      for (;;) {
        const batch: (readonly [string, Buffer | string])[] = [];
        while (batch.length < perTransaction) {
          const next = source.next();
          if (next.done === true) break;
          batch.push(next.value);
        }
        if (batch.length === 0) return;
        await this.call(PATHS.txn, putAll(batch));
      }
    };
    await Promise.all(Array.from({ length: 32 }, load));
  }

  /** Calls under way fail. */
  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #connection(): Connection {
    const connection = this.#connections[this.#next++ % this.#connections.length];
    if (connection === undefined) throw new Error('no connection');
    return connection;
  }
}
