import {
  RangeRequest_SortOrder as Order,
  type RangeRequest,
  RangeRequest_SortTarget as Target,
} from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import type { FlagValues } from '../flags.js';
import { checkRange, selection, utf8 } from './arguments.js';
import { badArguments, command } from './command.js';

/** Those that a get inside a transaction has too. */
export const GET_FLAGS = {
  consistency: {
    kind: 'string',
    default: 'l',
    usage: 'l: linearizable; s: serializable (what this member has)',
  },
  order: { kind: 'string', default: '', usage: 'ASCEND or DESCEND' },
  'sort-by': { kind: 'string', default: '', usage: 'CREATE, KEY, MODIFY, VALUE or VERSION' },
  limit: { kind: 'integer', default: 0, usage: 'at most so many; 0: all' },
  prefix: { kind: 'boolean', default: false, usage: 'all keys that begin with <key>' },
  'from-key': { kind: 'boolean', default: false, usage: 'all keys from <key> on, in byte order' },
  rev: { kind: 'integer', default: 0, usage: 'as of a revision; 0: now' },
  'keys-only': { kind: 'boolean', default: false, usage: 'keys without values' },
  'print-value-only': { kind: 'boolean', default: false, usage: 'values without keys (simple format)' },
} as const;

type GetFields = Pick<
  RangeRequest,
  'key' | 'rangeEnd' | 'limit' | 'revision' | 'sortOrder' | 'sortTarget' | 'serializable' | 'keysOnly'
>;

/** The request of `get <key> [range_end]`. */
export function getRequest(
  args: readonly (string | Buffer)[],
  flags: FlagValues<typeof GET_FLAGS>,
): GetFields {
  const [key, end] = args.map((arg) => (typeof arg === 'string' ? utf8(arg) : arg));
  if (key === undefined) {
    throw badArguments('get command needs one argument as key and an optional argument as range_end');
  }
  checkRange(args.map(String), flags.prefix, flags['from-key']);
  if (flags.consistency !== 'l' && flags.consistency !== 's') {
    throw new ExitError(EXIT.badFeature, `unknown consistency flag ${JSON.stringify(flags.consistency)}`);
  }
  const sortTarget = flags['sort-by'] === '' ? Target.Key : TARGETS[flags['sort-by'].toUpperCase()];
  if (sortTarget === undefined) throw new ExitError(EXIT.badFeature, `bad sort target ${flags['sort-by']}`);
  const sortOrder = flags.order === '' ? Order.None : ORDERS[flags.order.toUpperCase()];
  if (sortOrder === undefined) throw new ExitError(EXIT.badFeature, `bad sort order ${flags.order}`);
  return {
    ...selection(key, end, flags.prefix, flags['from-key']),
    limit: flags.limit,
    revision: flags.rev,
    sortOrder,
    sortTarget,
    serializable: flags.consistency === 's',
    keysOnly: flags['keys-only'],
  };
}

const TARGETS: Readonly<Record<string, Target>> = {
  CREATE: Target.Create,
  KEY: Target.Key,
  MODIFY: Target.Mod,
  VALUE: Target.Value,
  VERSION: Target.Version,
};

const ORDERS: Readonly<Record<string, Order>> = { ASCEND: Order.Ascend, DESCEND: Order.Descend };

export const get = command({
  name: 'get',
  synopsis: '[flags] <key> [range_end]',
  flags: GET_FLAGS,
  async run(invocation, flags) {
    const request = getRequest(invocation.args, flags);
    const valueOnly = flags['print-value-only'];
    if (valueOnly && invocation.globals['write-out'] !== 'simple') {
      throw badArguments('print-value-only is only for `--write-out=simple`');
    }
    const printer = await invocation.printer(valueOnly);
    const client = await invocation.client();
    await invocation.print(printer.get(await client.range(request)));
  },
});
