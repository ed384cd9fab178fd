import { RenderService } from '../../proto/generated/render.js';
import { command } from './command.js';
import { askRenderer, destOf } from './render-dest.js';

export const renderResume = command({
  name: 'render resume',
  synopsis: '[DEST]',
  description: 'Ends the pause of a file, or every pause, and catches up.',
  flags: {},
  async run(invocation) {
    const dest = destOf(invocation, 'render resume');
    const client = await invocation.client();
    await askRenderer(client.call(RenderService.resume, { dest: dest ?? '' }, 'write'));
    await invocation.print(`${dest ?? 'every file'} is rendered again\n`);
  },
});
