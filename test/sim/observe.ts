import type { ConfState, Entry, SnapshotMetadata } from '../../src/proto/generated/raft.js';
import { RawNode } from '../../src/raft/rawnode.js';
import { Layer } from '../../src/store/layer.js';
import { Store } from '../../src/store/store.js';
import { Tables } from '../../src/store/tables.js';
import type { StoreEvent } from '../../src/store/types.js';
import { ProcessClock } from './process-clock.js';
import { wrap } from './wrap.js';

/** An entry's effect on the state, in a few numbers. */
export interface Applied {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  /** Of all rows that the entry wrote and removed, in order. */
  readonly rows: number;
  /** Where the entry changed the configuration. */
  readonly conf: string | undefined;
}

/** What the checkers see of the inside of members. Each call names the process in which it happened. */
export interface Observer {
  /** Raft hands out entries as committed and durable there. */
  committed(process: ProcessClock, entries: readonly Entry[]): void;
  /** A snapshot is in force, with its configuration as raft has it now. */
  installed(process: ProcessClock, snapshot: SnapshotMetadata, conf: string): void;
  /** The store has a new revision. Comes before {@link applied}, and before watchers hear of it. */
  revised(
    process: ProcessClock,
    entry: { index: number },
    revision: number,
    events: readonly StoreEvent[],
  ): void;
  applied(process: ProcessClock, applied: Applied): void;
}

let observer: Observer | undefined;

/** Until the next call, all members of this thread are observed by one. */
export function observe(next: Observer | undefined): void {
  observer = next;
}

export function describeConf({ voters, learners }: ConfState): string {
  const list = (ids: readonly bigint[]) => ids.map((id) => id.toString(16).slice(0, 4)).join(' ');
  return learners.length === 0 ? `[${list(voters)}]` : `[${list(voters)} | ${list(learners)}]`;
}

/** Digests of the rows of entries being applied, by where they are written: the tables, or a long one's own layer. */
const digests = new WeakMap<object, number>();
let conf: string | undefined;

function mix(rows: object, text: string): void {
  let hash = digests.get(rows);
  if (hash === undefined || observer === undefined) return;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  digests.set(rows, hash >>> 0);
}

function begin(rows: object): void {
  digests.set(rows, 0x811c9dc5);
  conf = undefined;
}

function end(rows: object, applied: { index: number; term: number; revision: number }): void {
  const process = ProcessClock.current;
  const digest = digests.get(rows) ?? 0;
  digests.delete(rows);
  if (process !== undefined) observer?.applied(process, { ...applied, rows: digest, conf });
  conf = undefined;
}

function describePut(table: string, key: string, value: Buffer): string {
  return `+${table}\0${key}\0${value.toString('latin1')}`;
}

/** What a member does is seen by wrapping the methods that do it: nothing in src/ knows of the simulator. */
function install(): void {
  wrap(
    Tables.prototype,
    'beginEntry',
    (original) =>
      function (this: Tables) {
        original.call(this);
        begin(this);
      },
  );
  for (const type of [Tables, Layer]) {
    wrap(
      type.prototype,
      'put',
      (put) =>
        function (this: Tables | Layer, table, key, value) {
          put.call(this, table, key, value);
          // A layer is one entry's.
          if (this instanceof Layer && !digests.has(this)) begin(this);
          mix(this, describePut(table, key, value));
        },
    );
    wrap(
      type.prototype,
      'remove',
      (remove) =>
        function (this: Tables | Layer, table, key) {
          remove.call(this, table, key);
          if (this instanceof Layer && !digests.has(this)) begin(this);
          mix(this, `-${table}\0${key}`);
        },
    );
  }
  wrap(
    Tables.prototype,
    'endEntry',
    (original) =>
      function (this: Tables, applied) {
        original.call(this, applied);
        end(this, applied);
      },
  );
  wrap(
    Tables.prototype,
    'endLayer',
    (original) =>
      function (this: Tables, layer, applied) {
        original.call(this, layer, applied);
        end(layer, applied);
      },
  );
  wrap(
    Store.prototype,
    'commit',
    (commit) =>
      function (this: Store, entry) {
        const process = ProcessClock.current;
        if (process !== undefined && entry.revision > this.revision)
          observer?.revised(process, entry, entry.revision, entry.events);
        commit.call(this, entry);
      },
  );
  wrap(
    RawNode.prototype,
    'ready',
    (ready) =>
      function (this: RawNode) {
        const handedOut = ready.call(this);
        const process = ProcessClock.current;
        if (process !== undefined && handedOut.committed.length > 0)
          observer?.committed(process, handedOut.committed);
        return handedOut;
      },
  );
  wrap(
    RawNode.prototype,
    'applyConfChange',
    (apply) =>
      function (this: RawNode, change) {
        const result = apply.call(this, change);
        conf = describeConf(result);
        return result;
      },
  );
  wrap(
    RawNode.prototype,
    'appended',
    (appended) =>
      function (this: RawNode, append) {
        appended.call(this, append);
        const process = ProcessClock.current;
        const metadata = append.snapshot?.metadata;
        if (process !== undefined && metadata !== undefined)
          observer?.installed(process, metadata, describeConf(this.status.confState));
      },
  );
}

install();
