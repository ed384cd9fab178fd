import type { RunCommand } from '../command/types.js';
import type { Hook } from '../confdir/types.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { inSubtrees, outermost } from '../source/subtree.js';
import type { Change, ChangeBatch, Following, Pair, Snapshot, Source } from '../source/types.js';
import { toHookBatch } from './changes.js';
import { HookRunner } from './runner.js';

export interface HookSetPorts {
  readonly source: Source;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Log;
}

interface Running {
  readonly hook: Hook;
  readonly runner: HookRunner;
}

/**
 * The daemon's `[[hook]]`s: follows the source once for all of them. What changed while the source could not be
 * followed, or while the hooks were exchanged, is found by comparing the new snapshot with what was known, so a hook
 * misses no key's change; several changes of one key in such a gap come as one.
 */
export class HookSet {
  readonly #ports: HookSetPorts;
  #running = new Map<string, Running>();
  #subtrees: readonly string[] = [];
  #following: Following | undefined;
  /** Newest known pairs by key; undefined before the first snapshot, which is nobody's change. */
  #known: Map<string, Pair> | undefined;
  /** What `#known` covers. */
  #knownSubtrees: readonly string[] = [];
  #origin = '';
  /** The source is lost. */
  #waiting = false;
  /** Exchanges of hooks, one after the other. */
  #exchange: Promise<void> = Promise.resolve();

  constructor(ports: HookSetPorts) {
    this.#ports = ports;
  }

  /** These hooks are in force from now on. One that didn't change keeps what waits for it. */
  setHooks(hooks: readonly Hook[]): Promise<void> {
    this.#exchange = this.#exchange.then(() => this.#replace(hooks));
    return this.#exchange;
  }

  /** Ends runs under way and starts none. */
  async close(): Promise<void> {
    await this.setHooks([]);
  }

  async #replace(hooks: readonly Hook[]): Promise<void> {
    const former = this.#running;
    this.#running = new Map();
    for (const hook of hooks) {
      const kept = former.get(hook.name);
      if (kept !== undefined && sameHook(kept.hook, hook)) {
        this.#running.set(hook.name, kept);
        former.delete(hook.name);
      } else {
        this.#running.set(hook.name, { hook, runner: this.#runner(hook) });
      }
    }
    await Promise.all([...former.values()].map(({ runner }) => runner.close()));
    const subtrees = outermost(hooks.flatMap((hook) => hook.subtrees));
    if (subtrees.join('\n') === this.#subtrees.join('\n')) return;
    await this.#following?.close();
    const known = this.#known;
    this.#subtrees = subtrees;
    this.#following =
      hooks.length === 0
        ? undefined
        : this.#ports.source.follow(subtrees, {
            snapshot: (snapshot) => this.#snapshot(snapshot),
            changes: (batch) => this.#changes(batch),
            found: () => this.#found(),
            lost: (reason) => this.#lost(reason),
          });
    this.#known = hooks.length === 0 ? undefined : known;
  }

  #lost(reason: string): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#ports.log.warn({ source: this.#ports.source.name }, `hooks wait: ${reason}`);
  }

  #found(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#ports.log.info({ source: this.#ports.source.name }, 'hooks go on');
  }

  #runner(hook: Hook): HookRunner {
    const { run, clock, log } = this.#ports;
    const { name, command, timeoutMs } = hook;
    return new HookRunner({ name, command, timeoutMs, run, clock, log, retry: 'again' });
  }

  #snapshot(snapshot: Snapshot): void {
    const now = new Map(snapshot.pairs.map((pair) => [pair.key, pair]));
    const known = this.#known;
    // Keys that nobody watched until now have no past.
    const watchedBefore = this.#knownSubtrees;
    this.#knownSubtrees = this.#subtrees;
    const comparable = known !== undefined && this.#origin === snapshot.origin;
    this.#known = now;
    this.#origin = snapshot.origin;
    if (!comparable) return;
    const changes: Change[] = [];
    for (const pair of snapshot.pairs) {
      const before = known.get(pair.key);
      const changed =
        before === undefined
          ? inSubtrees(watchedBefore, pair.key)
          : before.value !== pair.value || before.modRevision !== pair.modRevision;
      if (changed) changes.push({ type: 'put', pair });
    }
    for (const key of known.keys()) {
      if (!now.has(key) && inSubtrees(this.#subtrees, key)) {
        changes.push({ type: 'delete', key, modRevision: snapshot.revision });
      }
    }
    this.#dispatch({ revision: snapshot.revision, changes, committedAtMs: undefined });
  }

  #changes(batch: ChangeBatch): void {
    for (const change of batch.changes) {
      if (change.type === 'put') this.#known?.set(change.pair.key, change.pair);
      else this.#known?.delete(change.key);
    }
    this.#dispatch(batch);
  }

  #dispatch(batch: ChangeBatch): void {
    if (batch.changes.length === 0) return;
    for (const { hook, runner } of this.#running.values()) runner.push(toHookBatch(batch, hook.subtrees));
  }
}

function sameHook(a: Hook, b: Hook): boolean {
  return (
    JSON.stringify([a.command, a.subtrees, a.timeoutMs]) ===
    JSON.stringify([b.command, b.subtrees, b.timeoutMs])
  );
}
