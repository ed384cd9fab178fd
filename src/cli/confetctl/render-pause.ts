import { formatDuration } from '../../base/duration.js';
import { RenderService } from '../../proto/generated/render.js';
import { badArguments, command } from './command.js';
import { askRenderer, destOf } from './render-dest.js';

export const renderPause = command({
  name: 'render pause',
  synopsis: '[DEST] [--for 1h]',
  description:
    'Leaves a file alone, or all of them: nothing is written and nothing reloaded, hand edits stay. Kept across restarts of the daemon.',
  flags: {
    for: {
      kind: 'duration',
      bareUnit: 's',
      default: 0,
      usage: 'goes on by itself after so long; 0: only with `render resume`',
    },
  },
  async run(invocation, flags) {
    const dest = destOf(invocation, 'render pause');
    if (flags.for < 0) throw badArguments('--for must not be negative');
    const client = await invocation.client();
    const request = { dest: dest ?? '', forMs: Math.ceil(flags.for) };
    await askRenderer(client.call(RenderService.pause, request, 'write'));
    const until = flags.for === 0 ? 'until it is resumed' : `for ${formatDuration(flags.for)}`;
    await invocation.print(`${dest ?? 'every file'} is paused ${until}\n`);
  },
});
