import { cleanKey, inSubtrees } from './subtree.js';
import type { Following, Pair, Snapshot, Source, SourceListener, Subtree } from './types.js';

/** The environment as keys, as confd maps it: `A_B` is `/a/b`. Read once; it doesn't change while a process runs. */
export class EnvSource implements Source {
  readonly name = 'env';
  readonly #pairs: readonly Pair[];

  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#pairs = Object.entries(env)
      .flatMap(([name, value]) => (value === undefined ? [] : [{ key: keyOf(name), value, modRevision: 0 }]))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  load(subtrees: readonly Subtree[]): Promise<Snapshot> {
    // A variable of the key `/My_app` is `MY_APP`, which reads back as `/my/app`.
    const wanted = subtrees.map((subtree) =>
      subtree === '' ? '' : keyOf(subtree.slice(1).replaceAll('/', '_')),
    );
    const pairs = this.#pairs.filter(({ key }) => inSubtrees(wanted, key));
    return Promise.resolve({ origin: 'env', revision: 1, pairs });
  }

  follow(subtrees: readonly Subtree[], listener: SourceListener): Following {
    let closed = false;
    void this.load(subtrees).then((snapshot) => {
      if (closed) return;
      listener.found('the environment');
      listener.snapshot(snapshot);
    });
    return {
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function keyOf(name: string): string {
  return cleanKey(`/${name.toLowerCase().replaceAll('_', '/')}`);
}
