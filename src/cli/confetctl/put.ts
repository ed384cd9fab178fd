import type { PutRequest } from '../../proto/generated/etcd_rpc.js';
import type { FlagValues } from '../flags.js';
import { leaseId, utf8 } from './arguments.js';
import { badArguments, command } from './command.js';
import { bytesOf } from './lines.js';
import { waitForRender } from './put-wait.js';

/** Those that a put inside a transaction has too. */
export const PUT_FLAGS = {
  lease: { kind: 'string', default: '0', usage: 'lease to attach the key to, in hex' },
  'prev-kv': { kind: 'boolean', default: false, usage: 'print the pair that was there before' },
  'ignore-value': { kind: 'boolean', default: false, usage: "keep the key's value" },
  'ignore-lease': { kind: 'boolean', default: false, usage: "keep the key's lease" },
} as const;

type PutFields = Pick<PutRequest, 'key' | 'value' | 'lease' | 'prevKv' | 'ignoreValue' | 'ignoreLease'>;

/** The request of `put <key> [value]`; a value that isn't an argument is read with `readValue`. */
export async function putRequest(
  args: readonly (string | Buffer)[],
  flags: FlagValues<typeof PUT_FLAGS>,
  readValue: () => Promise<Buffer>,
): Promise<PutFields> {
  const [key, value] = args.map((arg) => (typeof arg === 'string' ? utf8(arg) : arg));
  const ignoreValue = flags['ignore-value'];
  if (key === undefined) throw badArguments(NEEDS_VALUE);
  if (ignoreValue && value !== undefined) {
    throw badArguments("put command needs only 1 argument when 'ignore-value' is set");
  }
  const lease = leaseId(flags.lease, 'bad lease ID');
  let bytes = value ?? Buffer.alloc(0);
  if (value === undefined && !ignoreValue) {
    bytes = await readValue();
    if (bytes.length === 0) throw badArguments(NEEDS_VALUE);
  }
  return {
    key,
    value: bytes,
    lease,
    prevKv: flags['prev-kv'],
    ignoreValue,
    ignoreLease: flags['ignore-lease'],
  };
}

const NEEDS_VALUE = 'put command needs 1 argument and input from stdin or 2 arguments';

export const put = command({
  name: 'put',
  synopsis: '[flags] <key> <value>   (without <value>: from standard input)',
  description:
    'A value that begins with "-" goes after "--": put <key> -- <value>.\n' +
    'With --wait it returns once the daemon has rendered what the change affects, and prints the files.',
  flags: {
    ...PUT_FLAGS,
    wait: {
      kind: 'boolean',
      default: false,
      usage: 'wait until the daemon has rendered it; print the files',
    },
    'wait-timeout': { kind: 'duration', default: 30_000, usage: 'how long --wait waits' },
  },
  async run(invocation, flags) {
    const request = await putRequest(invocation.args, flags, () => bytesOf(invocation.ports.stdin));
    const printer = await invocation.printer();
    const client = await invocation.client();
    const response = await client.put(request);
    await invocation.print(printer.put(response));
    if (flags.wait) {
      const revision = response.header?.revision ?? 0;
      await waitForRender(invocation, request.key.toString('utf8'), revision, flags['wait-timeout']);
    }
  },
});
