import type { Clock } from '../io/clock.js';
import type { RemoteStore } from './remote.js';
import type { KeyStore, Reading } from './reread.js';
import { orAborted } from './signals.js';
import type { Subtree } from './types.js';
import { ZookeeperLink } from './zookeeper-link.js';

type ZookeeperSpec = Extract<RemoteStore, { readonly type: 'zookeeper' }>;

/** Nodes read at a time, and in all. */
const LANES = 64;
const MAX_NODES = 1_000_000;

/**
 * ZooKeeper as confd reads it: a node without children is a key, one with children a folder, whatever data it has.
 * Changes are learned of by watches on every node that was read (zookeeper.apache.org: Programmer's Guide, Watches).
 */
export class ZookeeperStore implements KeyStore {
  readonly name = 'zookeeper';
  readonly nodes: string;
  readonly #clock: Clock;
  readonly #dialTimeoutMs: number | undefined;
  #link: Promise<ZookeeperLink> | undefined;

  constructor({ nodes, timing }: ZookeeperSpec, clock: Clock) {
    this.#dialTimeoutMs = timing?.dialTimeoutMs;
    this.nodes = nodes.join(', ');
    this.#clock = clock;
  }

  async read(subtrees: readonly Subtree[], watch: boolean, signal: AbortSignal): Promise<Reading> {
    const servers = this.nodes.replaceAll(' ', '');
    this.#link ??= ZookeeperLink.open(servers, this.#clock, signal, this.#dialTimeoutMs);
    const opening = this.#link;
    try {
      const link = await opening;
      if (link.changes.failure !== undefined) throw link.changes.failure;
      return await orAborted(readFrom(link, subtrees, watch), signal, () => link.destroy());
    } catch (error) {
      // A link that failed once isn't trusted: the next reading begins with a new one.
      if (this.#link === opening) this.#link = undefined;
      opening.then(
        (link) => link.destroy(),
        () => undefined,
      );
      throw error;
    }
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    this.#link = undefined;
    link?.destroy();
  }
}

async function readFrom(link: ZookeeperLink, subtrees: readonly Subtree[], watch: boolean): Promise<Reading> {
  const before = link.changes.count;
  const keys = new Map<string, string>();
  const todo: string[] = subtrees.map((subtree) => (subtree === '' ? '/' : subtree));
  let seen = 0;
  while (todo.length > 0) {
    const paths = todo.splice(0, LANES);
    seen += paths.length;
    if (seen > MAX_NODES) throw new Error(`more than ${MAX_NODES} nodes: write narrower keys`);
    for (const node of await Promise.all(paths.map((path) => link.node(path, watch)))) {
      if (node === undefined) continue;
      const { path, children, value } = node;
      if (children.length === 0 && path !== '/') keys.set(path, value);
      for (const child of children) {
        const below = path === '/' ? `/${child}` : `${path}/${child}`;
        // ZooKeeper's own.
        if (below !== '/zookeeper') todo.push(below);
      }
    }
  }
  return {
    keys,
    where: link.where,
    changed: watch ? (until) => link.changes.after(before, until) : undefined,
  };
}
