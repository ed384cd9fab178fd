import { prefixEnd, toByteString, toBytes } from '../../base/bytes.js';
import { ConfetdError } from '../../base/errors.js';
import type { Client } from '../../client/client.js';
import type { KeyValue } from '../../proto/generated/etcd_kv.js';
import { Event_EventType } from '../../proto/generated/etcd_kv.js';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  PutRequest,
  RangeRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type RequestOp,
  type TxnResponse,
} from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { hexId } from '../output/cells.js';
import { waited } from '../progress.js';
import { badArguments, command } from './command.js';
import { failureOf } from './watch.js';

export const lock = command({
  name: 'lock',
  synopsis: '[--ttl N] <lockname> [-- cmd args…]',
  description:
    'The command gets ETCD_LOCK_KEY and ETCD_LOCK_REV. Without one, the lock is held until Ctrl-C.',
  flags: {
    ttl: { kind: 'integer', default: 10, usage: 'seconds until the lock is free when this process dies' },
  },
  async run(invocation, flags) {
    const [name, ...exec] = invocation.args;
    if (name === undefined)
      throw badArguments('lock takes a lock name argument and an optional command to execute');
    const { ports } = invocation;
    const printer = await invocation.printer();
    const client = await invocation.client();
    const interrupted = ports.interruption();
    const { ID: lease } = await client.leaseGrant({ TTL: flags.ttl });
    const session = new AbortController();
    const kept = client.keepAlive({ id: lease, signal: session.signal });
    const gone = kept.then((end) => {
      if (end === 'expired')
        throw new ExitError(EXIT.error, 'session expired: the lock may be held by another');
    });
    gone.catch(() => {});
    const progress = invocation.progress();
    progress.show((elapsedMs) => `waiting for the lock ${name} for ${waited(elapsedMs)}`);
    try {
      const prefix = `${name}/`;
      const key = Buffer.from(`${prefix}${hexId(lease)}`, 'utf8');
      const held = await Promise.race([
        acquire(client, Buffer.from(prefix), key, lease, interrupted),
        forever(gone),
      ]);
      progress.done();
      // Interrupted while waiting: nothing is held.
      if (held === undefined) throw new ExitError(EXIT.error, 'context canceled');
      if (exec.length > 0) {
        const end = await ports.execute(exec, {
          ETCD_LOCK_KEY: key.toString('utf8'),
          ETCD_LOCK_REV: String(held.revision),
        });
        if (!('exitCode' in end) || end.exitCode !== 0) throw new ExitError(EXIT.error, failureOf(end));
        return;
      }
      await invocation.print(printer.get(await client.range({ key })));
      await Promise.race([aborted(interrupted), forever(gone)]);
    } finally {
      progress.done();
      session.abort();
      // Takes the key with it. Where it can't be told, the lease's TTL does it.
      await client.leaseRevoke(lease).catch(() => {});
    }
  },
});

/**
 * Takes the lock as etcd's clients do: a key under the name, bound to the session's lease; the one with the lowest create
 * revision holds it. Undefined: interrupted.
 */
async function acquire(
  client: Client,
  prefix: Buffer,
  key: Buffer,
  lease: bigint,
  interrupted: AbortSignal,
): Promise<{ readonly revision: number } | undefined> {
  const response = await client.txn({
    compare: [
      {
        key,
        rangeEnd: Buffer.alloc(0),
        result: Compare_CompareResult.Equal,
        target: Compare_CompareTarget.Create,
        targetUnion: { $case: 'createRevision', value: 0 },
      },
    ],
    success: [putOp(key, lease), oldestOp(prefix)],
    failure: [rangeOp(RangeRequest.fromPartial({ key })), oldestOp(prefix)],
  });
  const revision = response.header?.revision ?? 0;
  const mine = response.succeeded ? revision : (kvsOf(response, 0)[0]?.createRevision ?? revision);
  const [holder] = kvsOf(response, 1);
  if (holder === undefined || holder.createRevision === mine) return { revision };
  const last = await waitForOlder(client, prefix, mine - 1, interrupted);
  if (last === undefined) return undefined;
  const { kvs, header } = await client.range({ key });
  if (kvs.length === 0) throw new ExitError(EXIT.error, 'mutex: session is expired');
  return { revision: header?.revision ?? last };
}

/** Waits until no key of the prefix is as old as `maxCreateRevision`; answers the revision at which that was so. */
async function waitForOlder(
  client: Client,
  prefix: Buffer,
  maxCreateRevision: number,
  interrupted: AbortSignal,
): Promise<number | undefined> {
  while (!interrupted.aborted) {
    const { kvs, header } = await client.range({
      key: prefix,
      rangeEnd: endOf(prefix),
      maxCreateRevision,
      limit: 1,
      sortTarget: RangeRequest_SortTarget.Create,
      sortOrder: RangeRequest_SortOrder.Descend,
    });
    const revision = header?.revision ?? 0;
    const [next] = kvs;
    if (next === undefined) return revision;
    await deletionOf(client, next.key, revision + 1, interrupted);
  }
  return undefined;
}

function deletionOf(
  client: Client,
  key: Buffer,
  startRevision: number,
  interrupted: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      watching.close();
      interrupted.removeEventListener('abort', done);
      resolve();
    };
    const watching = client.watch(
      { key, rangeEnd: Buffer.alloc(0), startRevision },
      {
        events: ({ events }) => {
          if (events.some(({ type }) => type === Event_EventType.DELETE)) done();
        },
        ended: (end) => {
          // Compacted: look again, from now.
          if (end.kind === 'compacted') done();
          else reject(new ConfetdError('unavailable', end.reason));
        },
      },
    );
    interrupted.addEventListener('abort', done, { once: true });
  });
}

function kvsOf({ responses }: TxnResponse, at: number): readonly KeyValue[] {
  const op = responses[at]?.response;
  return op?.$case === 'responseRange' ? op.value.kvs : [];
}

function putOp(key: Buffer, lease: bigint): RequestOp {
  return { request: { $case: 'requestPut', value: PutRequest.fromPartial({ key, lease }) } };
}

/** The key of the prefix that has been there longest. */
function oldestOp(prefix: Buffer): RequestOp {
  return rangeOp(
    RangeRequest.fromPartial({
      key: prefix,
      rangeEnd: endOf(prefix),
      limit: 1,
      sortTarget: RangeRequest_SortTarget.Create,
      sortOrder: RangeRequest_SortOrder.Ascend,
    }),
  );
}

function rangeOp(value: RangeRequest): RequestOp {
  return { request: { $case: 'requestRange', value } };
}

function endOf(prefix: Buffer): Buffer {
  return toBytes(prefixEnd(toByteString(prefix)));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Never resolves; rejects as the promise does. */
function forever(promise: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => {
    promise.catch(reject);
  });
}
