import { messageOf } from '../base/errors.js';
import { RedisLink } from './redis-link.js';
import type { RemoteStore } from './remote.js';
import type { KeyStore, Reading } from './reread.js';
import { orAborted } from './signals.js';
import { cleanKey } from './subtree.js';
import type { Subtree } from './types.js';

export type RedisSpec = Extract<RemoteStore, { readonly type: 'redis' }>;

/** Keys that one SCAN step looks at, and that are read at a time. */
const STEP = 1_000;
const MAX_KEYS = 5_000_000;

/**
 * Redis as confd reads it: a string is a key, a hash a folder of its fields; other types are left out. With a separator
 * other than `/`, `app:port` is the key `/app/port`. Changes are learned of by keyspace notifications, where the server
 * sends them (redis.io/docs/latest/develop/pubsub/keyspace-notifications).
 */
export class RedisStore implements KeyStore {
  readonly name = 'redis';
  readonly nodes: string;
  readonly #spec: RedisSpec;
  #link: Promise<RedisLink> | undefined;
  #current = 0;

  constructor(spec: RedisSpec) {
    this.#spec = spec;
    this.nodes = spec.nodes.join(', ');
  }

  async read(subtrees: readonly Subtree[], watch: boolean, signal: AbortSignal): Promise<Reading> {
    this.#link ??= this.#connect(signal);
    const opening = this.#link;
    try {
      const link = await opening;
      return await orAborted(this.#readFrom(link, subtrees, watch), signal, () => link.destroy());
    } catch (error) {
      // A link that failed once isn't trusted: the next reading begins with a new one.
      if (this.#link === opening) this.#link = undefined;
      opening.then(
        (link) => link.destroy(),
        () => undefined,
      );
      throw signal.aborted ? error : new Error(inWords(error), { cause: error });
    }
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    this.#link = undefined;
    link?.destroy();
  }

  async #readFrom(link: RedisLink, subtrees: readonly Subtree[], watch: boolean): Promise<Reading> {
    // Subscribed before reading: what changes meanwhile is told.
    const watched = watch && (await link.subscribe(subtrees.map((subtree) => this.#patternOf(subtree))));
    const before = link.changes.count;
    const keys = new Map<string, string>();
    for (const subtree of subtrees) {
      const name = this.#nameOf(subtree);
      if (subtree !== '') await this.#readKeys(link, [name], keys);
      const below = subtree === '' ? '*' : `${escaped(name + this.#spec.separator)}*`;
      for await (const names of link.scan(below, STEP)) {
        await this.#readKeys(link, names, keys);
        if (keys.size > MAX_KEYS) throw new Error(`more than ${MAX_KEYS} keys: write narrower ones`);
      }
    }
    const how =
      watch && !watched
        ? ', read now and then: it sends no keyspace notifications (CONFIG SET notify-keyspace-events KEA)'
        : '';
    return {
      keys,
      where: link.node + how,
      changed: watched
        ? async (until) => {
            await link.changes.after(before, until);
          }
        : undefined,
    };
  }

  async #readKeys(link: RedisLink, names: readonly string[], keys: Map<string, string>): Promise<void> {
    for (const [name, value] of await link.values(names)) {
      const key = this.#keyOf(name);
      if (typeof value === 'string') keys.set(key, value);
      else for (const [field, text] of value) keys.set(cleanKey(`${key}/${field}`), text);
    }
  }

  async #connect(signal: AbortSignal): Promise<RedisLink> {
    const { nodes } = this.#spec;
    const failures: string[] = [];
    let last: unknown;
    for (let tried = 0; tried < nodes.length; tried++) {
      const node = nodes[this.#current] ?? '';
      try {
        return await RedisLink.open(node, this.#spec, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        last = error;
        failures.push(`${node}: ${inWords(error)}`);
        this.#current = (this.#current + 1) % nodes.length;
      }
    }
    throw new Error(failures.join('; '), { cause: last });
  }

  /** Redis's name of a key. */
  #nameOf(key: string): string {
    const { separator } = this.#spec;
    return separator === '/' ? key : key.replace(/^\//, '').replaceAll('/', separator);
  }

  #keyOf(name: string): string {
    return cleanKey(`/${name.replaceAll(this.#spec.separator, '/')}`);
  }

  /** Of all names that a subtree may be made of. */
  #patternOf(subtree: Subtree): string {
    return subtree === '' ? '*' : `${escaped(this.#nameOf(subtree))}*`;
  }
}

/** For MATCH and PSUBSCRIBE, whose patterns are globs. */
function escaped(name: string): string {
  return name.replace(/[\\*?[\]^]/g, '\\$&');
}

function inWords(error: unknown): string {
  const message = messageOf(error);
  if (/^(?:NOAUTH|WRONGPASS|NOPERM)/.test(message)) {
    return `${message}: give --password, and --username where it isn't "default"`;
  }
  if (/ECONNREFUSED|ENOENT/.test(message)) {
    return 'nothing listens there: start redis, or name another with --node';
  }
  return message;
}
