import { RenderService } from '../../proto/generated/render.js';
import { badArguments, command } from './command.js';
import { askRenderer, destOf } from './render-dest.js';

export const renderAccept = command({
  name: 'render accept',
  synopsis: 'DEST',
  description:
    'Takes the source as it is for a file that is held because the source is behind it, or is another cluster.',
  flags: {},
  async run(invocation) {
    const dest = destOf(invocation, 'render accept');
    if (dest === undefined) throw badArguments('render accept needs the path of a file');
    const client = await invocation.client();
    await askRenderer(client.call(RenderService.accept, { dest }, 'write'));
    await invocation.print(`${dest} is rendered from the source as it is\n`);
  },
});
