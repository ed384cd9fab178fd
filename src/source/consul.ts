import { byteText } from '../base/byte-text.js';
import type { Clock } from '../io/clock.js';
import { HttpNodes } from './http.js';
import { withDeadline } from './polled.js';
import type { RemoteStore } from './remote.js';
import type { KeyStore, Reading } from './reread.js';
import { cleanKey, inSubtree } from './subtree.js';
import type { Subtree } from './types.js';

type ConsulSpec = Extract<RemoteStore, { readonly type: 'consul' }>;

/** Queries that wait at a time; more subtrees than this are watched as one, the whole store. */
const MAX_WAITING = 32;
/** Consul answers a query that waits no later than this and a sixteenth; after the deadline it is silent. */
const WAIT = '55s';
const SILENCE_MS = 70_000;

interface Listing {
  readonly prefix: string;
  readonly index: number;
  readonly keys: ReadonlyMap<string, string>;
  readonly node: string;
}

/**
 * Consul's KV store over its HTTP API: recursive reads, and blocking queries for changes
 * (developer.hashicorp.com/consul/api-docs/features/blocking). Names have a slash in front here, and none there.
 */
export class ConsulStore implements KeyStore {
  readonly name = 'consul';
  readonly nodes: string;
  readonly #http: HttpNodes;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;

  constructor({ nodes, scheme, token, basicAuth, tls, timing }: ConsulSpec, clock: Clock) {
    this.#clock = clock;
    this.nodes = nodes.join(', ');
    this.#http = new HttpNodes(nodes, scheme, tls, timing?.dialTimeoutMs);
    const login = basicAuth && Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString('base64');
    this.#headers = {
      ...(token === '' ? {} : { 'x-consul-token': token }),
      ...(login === undefined ? {} : { authorization: `Basic ${login}` }),
    };
  }

  async read(subtrees: readonly Subtree[], watch: boolean, signal: AbortSignal): Promise<Reading> {
    const asked = subtrees.length > MAX_WAITING ? [''] : subtrees;
    const listings = await Promise.all(asked.map((subtree) => this.#list(subtree, signal)));
    const keys = new Map<string, string>();
    for (const listing of listings) {
      for (const [key, value] of listing.keys) {
        if (subtrees.some((subtree) => inSubtree(subtree, key))) keys.set(key, value);
      }
    }
    return {
      keys,
      where: listings[0]?.node ?? this.nodes,
      changed: watch ? (until) => this.#changed(listings, until) : undefined,
    };
  }

  close(): Promise<void> {
    this.#http.close();
    return Promise.resolve();
  }

  /** Resolves when any of the listings is another one. */
  async #changed(listings: readonly Listing[], signal: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const end = (): void => settled.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    try {
      await Promise.race(listings.map((listing) => this.#waitFor(listing, settled.signal)));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', end);
      settled.abort();
    }
  }

  async #waitFor({ prefix, index }: Listing, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = await withDeadline(this.#clock, SILENCE_MS, signal, (bounded) =>
        this.#list(prefix, bounded, index),
      );
      // An index that went back is another one too: the servers were restored or replaced.
      if (now.index !== index) return;
    }
  }

  async #list(subtree: Subtree, signal: AbortSignal, after?: number): Promise<Listing> {
    const prefix = subtree.replace(/^\//, '');
    const path = prefix.split('/').map(encodeURIComponent).join('/');
    const waiting = after === undefined ? '' : `&index=${after}&wait=${WAIT}`;
    const answer = await this.#http.send(
      { path: `/v1/kv/${path}?recurse=true${waiting}`, headers: this.#headers },
      signal,
    );
    const { status, text, node } = answer;
    // Consul asks to treat anything below 1 as 1: index 0 would not wait.
    const index = Math.max(1, Number(answer.headers['x-consul-index'] ?? 1) || 1);
    // No key begins with the prefix.
    if (status === 404) return { prefix: subtree, index, keys: new Map(), node };
    if (status === 403 || status === 401) {
      throw new Error(
        `${node} refuses to list ${JSON.stringify(prefix)} (${text.trim()}): give a token with --auth-token`,
      );
    }
    if (status !== 200) throw new Error(`${node} answers ${status}: ${text.trim().slice(0, 200)}`);
    return { prefix: subtree, index, keys: pairsOf(text, node), node };
  }
}

function pairsOf(text: string, node: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const list: unknown = parsed(text);
  if (!Array.isArray(list))
    throw new Error(`${node} answers something else than a list of keys: is it consul?`);
  for (const item of list as readonly unknown[]) {
    if (typeof item !== 'object' || item === null || !('Key' in item) || typeof item.Key !== 'string')
      continue;
    const value = 'Value' in item && typeof item.Value === 'string' ? item.Value : '';
    const name = cleanKey(`/${item.Key}`);
    // `a/` is a folder as consul's page makes it: `a` itself goes before it.
    if (item.Key.endsWith('/') && keys.has(name)) continue;
    keys.set(name, byteText(Buffer.from(value, 'base64')));
  }
  return keys;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
