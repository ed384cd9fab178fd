import { createClient, RESP_TYPES } from '@redis/client';
import { bytesOf, byteText } from '../base/byte-text.js';
import type { RedisSpec } from './redis.js';
import { ChangeSignal, orAborted } from './signals.js';
import { tlsOptions } from './tls.js';

const CONNECT_TIMEOUT_MS = 5_000;
/** Asked so often whether it is still there, and given so long to answer. */
const PING_MS = 5_000;
const SILENCE_MS = 15_000;

/** One connection to one redis, and another one for its notifications. Never mended: a new one is opened. */
export class RedisLink {
  readonly node: string;
  /** Told whenever a key that was subscribed to may have changed; failed when a connection is lost. */
  readonly changes = new ChangeSignal();
  readonly #client: RedisClient;
  /** The same connection, whose texts come as the bytes that they are. */
  readonly #bytes: ReturnType<typeof inBytes>;
  readonly #database: number;
  #subscriber: Promise<RedisClient> | undefined;
  readonly #patterns = new Set<string>();
  /** Whether the server sends notifications: asked once. */
  #notifies: Promise<boolean> | undefined;

  private constructor(node: string, client: RedisClient, database: number) {
    this.node = node;
    this.#client = client;
    this.#bytes = inBytes(client);
    this.#database = database;
    this.#failWith(client);
  }

  static async open(node: string, spec: RedisSpec, signal: AbortSignal): Promise<RedisLink> {
    const { target, database } = addressOf(node, spec);
    const client = makeClient(target, database, spec);
    // Without a listener an error would end the process.
    client.on('error', () => undefined);
    await orAborted(client.connect(), signal, () => client.destroy());
    return new RedisLink(node, client, database);
  }

  /** False: the server sends no notifications. */
  async subscribe(patterns: readonly string[]): Promise<boolean> {
    this.#notifies ??= this.#asksForNotifications();
    if (!(await this.#notifies)) return false;
    this.#subscriber ??= this.#openSubscriber();
    const subscriber = await this.#subscriber;
    for (const pattern of patterns) {
      if (this.#patterns.has(pattern)) continue;
      await subscriber.pSubscribe(`__keyspace@${this.#database}__:${pattern}`, () => this.changes.tell());
      this.#patterns.add(pattern);
    }
    return true;
  }

  /** The names that match, some at a time; one may come twice. */
  async *scan(pattern: string, step: number): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const reply = await this.#bytes.scan(cursor, { MATCH: pattern, COUNT: step });
      cursor = String(reply.cursor);
      if (reply.keys.length > 0) yield reply.keys.map(byteText);
    } while (cursor !== '0');
  }

  /** Strings, and hashes by field; what is of another type, or gone, is left out. */
  async values(names: readonly string[]): Promise<Map<string, string | ReadonlyMap<string, string>>> {
    const client = this.#client;
    const bytes = this.#bytes;
    // Sent together: the client pipelines what is asked within one turn.
    const types = await Promise.all(names.map((name) => client.type(bytesOf(name))));
    const strings = names.filter((_name, at) => types[at] === 'string');
    const hashes = names.filter((_name, at) => types[at] === 'hash');
    const [texts, folders] = await Promise.all([
      strings.length === 0 ? [] : bytes.mGet(strings.map(bytesOf)),
      Promise.all(hashes.map((name) => bytes.hGetAll(bytesOf(name)).catch(ignoreAnotherType))),
    ]);
    const values = new Map<string, string | ReadonlyMap<string, string>>();
    for (const [at, name] of strings.entries()) {
      const text = texts[at];
      if (text !== undefined && text !== null) values.set(name, byteText(text));
    }
    for (const [at, name] of hashes.entries()) {
      const fields = new Map<string, string>();
      for (const [field, text] of tuples(folders[at] ?? [])) fields.set(byteText(field), byteText(text));
      values.set(name, fields);
    }
    return values;
  }

  destroy(): void {
    this.changes.fail(new Error('the connection was closed'));
    end(this.#client);
    this.#subscriber?.then(end, () => undefined);
  }

  async #asksForNotifications(): Promise<boolean> {
    try {
      const { 'notify-keyspace-events': events = '' } =
        await this.#client.configGet('notify-keyspace-events');
      return events.includes('K') && (events.includes('A') || /(?=.*g)(?=.*\$)/.test(events));
    } catch {
      // Hosted redis often hides CONFIG: it may send them all the same.
      return true;
    }
  }

  async #openSubscriber(): Promise<RedisClient> {
    const subscriber = this.#client.duplicate();
    this.#failWith(subscriber);
    await subscriber.connect();
    return subscriber;
  }

  #failWith(client: RedisClient): void {
    client.on('error', (error: Error) => this.changes.fail(error));
    client.on('end', () => this.changes.fail(new Error('the connection was closed')));
  }
}

type RedisClient = ReturnType<typeof makeClient>;

function inBytes(client: RedisClient) {
  return client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array });
}

function makeClient(
  target: { readonly url: string } | { readonly path: string },
  database: number,
  { username, password, tls, timing }: RedisSpec,
) {
  const socket = {
    connectTimeout: timing?.dialTimeoutMs ?? CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    reconnectStrategy: false,
  } as const;
  const secure = tls === undefined ? {} : { tls: true as const, ...tlsOptions(tls) };
  return createClient({
    // Answers of one shape, whatever the server's age.
    RESP: 2,
    ...('url' in target
      ? { url: target.url, socket: { ...socket, ...secure } }
      : { socket: { ...socket, path: target.path } }),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    database,
    disableOfflineQueue: true,
    pingInterval: PING_MS,
  });
}

/** `host:port`, `host:port/DB`, `redis[s]://…` or the path of a socket. */
function addressOf(node: string, { tls }: RedisSpec) {
  if (node.startsWith('/')) return { target: { path: node }, database: 0 };
  const scheme = tls === undefined ? 'redis' : 'rediss';
  const url = new URL(/^rediss?:\/\//i.test(node) ? node : `${scheme}://${node}`);
  const database = Number(url.pathname.slice(1) || '0');
  if (!Number.isInteger(database)) throw new Error('expected host:port or host:port/DATABASE');
  url.pathname = '';
  return { target: { url: url.href }, database };
}

/** A field and its value in turn. */
function* tuples(flat: readonly Buffer[]): Generator<readonly [Buffer, Buffer]> {
  for (let at = 0; at + 1 < flat.length; at += 2) yield [flat[at] as Buffer, flat[at + 1] as Buffer];
}

function ignoreAnotherType(error: unknown): Buffer[] {
  if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return [];
  throw error;
}

function end(client: RedisClient): void {
  try {
    client.destroy();
  } catch {
    // It was closed already.
  }
}
