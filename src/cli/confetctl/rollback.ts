import type { Client } from '../../client/client.js';
import type { KeyValue } from '../../proto/generated/etcd_kv.js';
import { Compare_CompareResult, Compare_CompareTarget } from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { goJson } from '../output/go-json.js';
import { type Selection, selection, utf8 } from './arguments.js';
import { badArguments, command, type Invocation } from './command.js';
import { type Restoration, restorations } from './restorations.js';

/** Of a page of keys read at a time. */
const PAGE_KEYS = 1_000;
/** Of one transaction's values and keys: etcd refuses requests over 1.5 MiB. */
const MAX_TXN_BYTES = 1 << 20;
const MAX_KEYS = 1_000_000;

export const rollback = command({
  name: 'rollback',
  synopsis: 'PREFIX --revision N',
  description:
    'Puts the keys that begin with a prefix back as they were at a revision, as a new revision: files of all hosts follow.\n' +
    'A key that changes meanwhile stops it. More keys than --max-txn-ops take several revisions. Keys whose lease is gone stay gone.',
  flags: {
    revision: { kind: 'integer', default: 0, usage: 'the revision to go back to' },
    'max-txn-ops': {
      kind: 'integer',
      default: 128,
      min: 1,
      usage: 'keys a transaction, as the server allows',
    },
    'dry-run': { kind: 'boolean', default: false, usage: 'say what would be done, and do nothing' },
  },
  async run(invocation, flags) {
    const [prefix, ...more] = invocation.args;
    if (prefix === undefined || more.length > 0)
      throw badArguments('rollback needs one prefix, and --revision');
    if (flags.revision <= 0) throw badArguments('rollback needs --revision N, the revision to go back to');
    const client = await invocation.client();
    const range = selection(utf8(prefix), undefined, true, false);
    const now = await read(client, range, 0);
    const then = await read(client, range, flags.revision);
    const { changes, leased } = restorations(then.pairs, now.pairs);
    for (const key of leased)
      await invocation.ports.stderr(`${key.toString('utf8')} had a lease that is gone: it stays gone\n`);
    if (flags['dry-run']) {
      for (const change of changes)
        await invocation.print(
          `${change.put === undefined ? 'del' : 'put'} ${change.key.toString('utf8')}\n`,
        );
      return;
    }
    const revisions = await apply(client, changes, flags['max-txn-ops']);
    await report(invocation, changes, revisions);
  },
});

/** All pairs of a range at one revision; 0: the newest, for all pages. */
async function read(
  client: Client,
  { key, rangeEnd }: Selection,
  revision: number,
): Promise<{ readonly pairs: readonly KeyValue[]; readonly revision: number }> {
  const pairs: KeyValue[] = [];
  let [from, at] = [key, revision];
  for (;;) {
    const response = await client.range({ key: from, rangeEnd, revision: at, limit: PAGE_KEYS });
    at = at === 0 ? (response.header?.revision ?? 0) : at;
    for (const pair of response.kvs) pairs.push(pair);
    const last = response.kvs.at(-1);
    if (!response.more || last === undefined) return { pairs, revision: at };
    if (pairs.length >= MAX_KEYS)
      throw new ExitError(EXIT.error, `more than ${MAX_KEYS} keys: name a longer prefix`);
    from = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

/** Answers the revisions it has made. */
async function apply(client: Client, changes: readonly Restoration[], maxOps: number): Promise<number[]> {
  const revisions: number[] = [];
  let done = 0;
  for (const part of parts(changes, maxOps)) {
    const { succeeded, header } = await client.txn({
      compare: part.map(({ key, modRevision }) => ({
        key,
        rangeEnd: Buffer.alloc(0),
        target: Compare_CompareTarget.Mod,
        result: Compare_CompareResult.Equal,
        targetUnion: { $case: 'modRevision' as const, value: modRevision },
      })),
      success: part.map(requestOf),
      failure: [],
    });
    if (!succeeded) {
      throw new ExitError(
        EXIT.error,
        `a key changed meanwhile: ${done} of ${changes.length} keys are as they were; run it again`,
      );
    }
    done += part.length;
    revisions.push(header?.revision ?? 0);
  }
  return revisions;
}

function* parts(changes: readonly Restoration[], maxOps: number): Generator<readonly Restoration[]> {
  let part: Restoration[] = [];
  let bytes = 0;
  for (const change of changes) {
    // A key stands in its compare as well.
    const size = 2 * change.key.length + (change.put?.value.length ?? 0);
    if (part.length > 0 && (part.length >= maxOps || bytes + size > MAX_TXN_BYTES)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(change);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

function requestOf({ key, put }: Restoration) {
  if (put === undefined) {
    const value = { key, rangeEnd: Buffer.alloc(0), prevKv: false };
    return { request: { $case: 'requestDeleteRange' as const, value } };
  }
  const { value, keepsLease } = put;
  const request = { key, value, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: keepsLease };
  return { request: { $case: 'requestPut' as const, value: request } };
}

async function report(
  invocation: Invocation,
  changes: readonly Restoration[],
  revisions: readonly number[],
): Promise<void> {
  const put = changes.filter(({ put: wanted }) => wanted !== undefined).length;
  const deleted = changes.length - put;
  if (invocation.globals['write-out'] === 'json') {
    await invocation.print(`${goJson({ put, deleted, revisions: [...revisions] })}\n`);
    return;
  }
  const [first, last] = [revisions[0], revisions.at(-1)];
  if (first === undefined) {
    await invocation.print('nothing to do: the keys are as they were\n');
    return;
  }
  const where = first === last ? `revision ${first}` : `revisions ${first} to ${last}`;
  await invocation.print(`${where}: ${put} put, ${deleted} deleted\n`);
}
