import type { Compare, RequestOp } from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { type FlagSet, parseFlags } from '../flags.js';
import { settle } from '../settings.js';
import { badArguments, command } from './command.js';
import { compareOf } from './compare.js';
import { DEL_FLAGS, delRequest } from './del.js';
import { GET_FLAGS, getRequest } from './get.js';
import { linesOf } from './lines.js';
import { PUT_FLAGS, putRequest } from './put.js';
import { wordsOf } from './words.js';

export const txn = command({
  name: 'txn',
  synopsis: '[-i]',
  description:
    'Reads three parts from standard input, each ended by an empty line: compares, requests for when all hold,\n' +
    'and requests for when one does not. For example:\n' +
    '  mod("key1") > "0"\n\n  put key1 "overwrote key1"\n\n  put key1 "created key1"\n\n' +
    'Compares: ver, create, mod, val, lease; with =, !=, <, >. Requests: get, put, del, with their flags.',
  flags: { interactive: { kind: 'boolean', short: 'i', default: false, usage: 'say what is expected' } },
  async run(invocation, flags) {
    if (invocation.args.length !== 0) throw badArguments('txn command does not accept argument');
    const printer = await invocation.printer();
    const lines = linesOf(invocation.ports.stdin);
    const prompt = (text: string): Promise<void> =>
      flags.interactive ? invocation.print(`${text}\n`) : Promise.resolve();
    await prompt('compares:');
    const compare: Compare[] = [];
    for (const line of await part(lines)) compare.push(compareOf(line));
    await prompt('success requests (get, put, del):');
    const success = await requests(await part(lines));
    await prompt('failure requests (get, put, del):');
    const failure = await requests(await part(lines));
    const client = await invocation.client();
    await invocation.print(printer.txn(await client.txn({ compare, success, failure })));
  },
});

/** Lines up to an empty one. */
async function part(lines: AsyncGenerator<string, void>): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const next = await lines.next();
    if (next.done === true) throw new ExitError(EXIT.invalidInput, 'EOF');
    const line = next.value.trim();
    if (line === '') return found;
    found.push(line);
  }
}

function requests(lines: readonly string[]): Promise<RequestOp[]> {
  return Promise.all(lines.map(requestOf));
}

async function requestOf(line: string): Promise<RequestOp> {
  const [verb = Buffer.alloc(0), ...words] = wordsOf(line);
  if (words.length === 0) throw new ExitError(EXIT.invalidInput, `invalid txn compare request: ${line}`);
  // Flags are text, arguments any bytes: in latin1 both survive the parser.
  const parse = <Flags extends FlagSet>(flags: Flags) => {
    const given = parseFlags(
      flags,
      words.map((word) => word.toString('latin1')),
      { interspersed: true },
    );
    return {
      flags: settle(flags, given).values,
      args: given.rest.map((word) => Buffer.from(word, 'latin1')),
    };
  };
  switch (verb.toString('utf8')) {
    case 'put': {
      const { args, flags } = parse(PUT_FLAGS);
      return { request: { $case: 'requestPut', value: await putRequest(args, flags, NO_INPUT) } };
    }
    case 'get': {
      const { args, flags } = parse(GET_FLAGS);
      return { request: { $case: 'requestRange', value: { ...RANGE_REST, ...getRequest(args, flags) } } };
    }
    case 'del': {
      const { args, flags } = parse(DEL_FLAGS);
      return { request: { $case: 'requestDeleteRange', value: delRequest(args, flags) } };
    }
    default:
      throw new ExitError(EXIT.invalidInput, `invalid txn request: ${line} (expected get, put or del)`);
  }
}

/** Standard input holds the transaction itself. */
const NO_INPUT = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(0));

const RANGE_REST = {
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};
