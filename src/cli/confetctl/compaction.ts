import { EXIT, ExitError } from '../exit-error.js';
import { wholeNumber } from './arguments.js';
import { badArguments, command } from './command.js';

export const compaction = command({
  name: 'compaction',
  synopsis: '[--physical] <revision>',
  flags: { physical: { kind: 'boolean', default: false, usage: 'wait until it is gone from the disk, too' } },
  async run(invocation, flags) {
    const [text, ...others] = invocation.args;
    if (text === undefined || others.length > 0) throw badArguments('compaction command needs 1 argument');
    const revision = wholeNumber(text);
    if (revision === undefined) {
      throw new ExitError(EXIT.error, `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    const client = await invocation.client();
    const response = await client.compact({ revision, physical: flags.physical });
    const printer = await invocation.printer();
    await invocation.print(printer.compaction(response, revision));
  },
});
