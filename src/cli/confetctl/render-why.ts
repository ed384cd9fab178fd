import { resolve } from 'node:path';
import { RenderService } from '../../proto/generated/render.js';
import { badArguments, command } from './command.js';
import { askRenderer } from './render-dest.js';
import { whyJson, whyText } from './render-why-output.js';
import { textOrJson } from './render-words.js';

export const renderWhy = command({
  name: 'render why',
  synopsis: '[flags] DEST',
  description:
    'DEST is the path of a file, or the name of its resource. Shows the keys, globs and folders that its template asked\n' +
    'for in its last render, and what else it read; the changes that caused that render; and what the last passes did.',
  flags: {
    limit: {
      kind: 'integer',
      default: 20,
      min: 0,
      max: 10_000,
      usage: 'how many entries of each list are shown',
    },
  },
  async run(invocation, { limit }) {
    const [name, ...more] = invocation.args;
    if (name === undefined || name === '') throw badArguments('render why needs the path of a file');
    if (more.length > 0) throw badArguments('render why takes one file');
    const format = textOrJson(invocation.globals['write-out'], whyText, whyJson);
    const client = await invocation.client();
    const request = { dest: resolve(name), resource: name, limit };
    const response = await askRenderer(client.call(RenderService.why, request, 'read'));
    await invocation.print(format(response, invocation.ports.clock.wallMs()));
  },
});
