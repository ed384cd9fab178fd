import type { ConfState, Entry, SnapshotMetadata } from '../../src/proto/generated/raft.js';
import { RawNode } from '../../src/raft/rawnode.js';
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

/** Digest of the rows of the entry being applied; entries are applied one at a time, each in one turn. */
let rows = 0;
let inEntry = false;
let conf: string | undefined;

function mix(text: string): void {
  let hash = rows;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  rows = hash >>> 0;
}

/** What a member does is seen by wrapping the methods that do it: nothing in src/ knows of the simulator. */
function install(): void {
  wrap(
    Tables.prototype,
    'beginEntry',
    (begin) =>
      function (this: Tables) {
        begin.call(this);
        inEntry = true;
        rows = 0x811c9dc5;
        conf = undefined;
      },
  );
  wrap(
    Tables.prototype,
    'put',
    (put) =>
      function (this: Tables, table, key, value) {
        put.call(this, table, key, value);
        if (inEntry && observer !== undefined) mix(`+${table}\0${key}\0${value.toString('latin1')}`);
      },
  );
  wrap(
    Tables.prototype,
    'remove',
    (remove) =>
      function (this: Tables, table, key) {
        remove.call(this, table, key);
        if (inEntry && observer !== undefined) mix(`-${table}\0${key}`);
      },
  );
  wrap(
    Tables.prototype,
    'endEntry',
    (end) =>
      function (this: Tables, applied) {
        inEntry = false;
        end.call(this, applied);
        const process = ProcessClock.current;
        if (process !== undefined) observer?.applied(process, { ...applied, rows, conf });
      },
  );
  wrap(
    Store.prototype,
    'commit',
    (commit) =>
      function (this: Store, entry, revision, events) {
        const process = ProcessClock.current;
        if (process !== undefined && revision > this.revision)
          observer?.revised(process, entry, revision, events);
        commit.call(this, entry, revision, events);
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
