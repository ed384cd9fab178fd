import type { DeleteRangeRequest } from '../../proto/generated/etcd_rpc.js';
import type { FlagValues } from '../flags.js';
import { checkRange, selection, utf8 } from './arguments.js';
import { badArguments, command } from './command.js';

/** Those that a del inside a transaction has too. */
export const DEL_FLAGS = {
  prefix: { kind: 'boolean', default: false, usage: 'all keys that begin with <key>' },
  'from-key': { kind: 'boolean', default: false, usage: 'all keys from <key> on, in byte order' },
  'prev-kv': { kind: 'boolean', default: false, usage: 'print the deleted pairs' },
} as const;

/** The request of `del <key> [range_end]`. */
export function delRequest(
  args: readonly (string | Buffer)[],
  flags: FlagValues<typeof DEL_FLAGS>,
): DeleteRangeRequest {
  const [key, end] = args.map((arg) => (typeof arg === 'string' ? utf8(arg) : arg));
  if (key === undefined || args.length > 2) {
    throw badArguments('del command needs one argument as key and an optional argument as range_end');
  }
  checkRange(args.map(String), flags.prefix, flags['from-key']);
  return { ...selection(key, end, flags.prefix, flags['from-key']), prevKv: flags['prev-kv'] };
}

export const del = command({
  name: 'del',
  synopsis: '[flags] <key> [range_end]',
  flags: DEL_FLAGS,
  async run(invocation, flags) {
    const request = delRequest(invocation.args, flags);
    const printer = await invocation.printer();
    const client = await invocation.client();
    await invocation.print(printer.del(await client.deleteRange(request)));
  },
});
