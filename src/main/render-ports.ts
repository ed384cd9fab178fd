import { commandRunner } from '../command/run.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import { NodeDisk } from '../io/node/disk.js';
import { NodeRandom } from '../io/node/random.js';
import { FileAccounts } from '../render/accounts.js';
import { NodeRenderFiles } from '../render/node-files.js';
import { NodeResolver } from '../render/resolver.js';
import type { RenderPorts } from '../render/world.js';

/** Rendering's ports on this host. */
export function renderPorts(clock: Clock, log: Log): RenderPorts {
  const files = new NodeRenderFiles();
  return {
    clock,
    random: new NodeRandom(),
    log,
    files,
    accounts: new FileAccounts(),
    resolver: new NodeResolver(),
    run: commandRunner(clock),
    env: process.env,
    engine: async (extension) => {
      if (extension === '.hbs') {
        const { HandlebarsEngine } = await import('../render/engines/handlebars/engine.js');
        return new HandlebarsEngine(new NodeDisk());
      }
      if (extension === '.handlebars') return undefined;
      // confd asks for no extension: `src = "haproxy.cfg"` is a Go template too.
      const { GoTemplateEngine } = await import('../render/engines/gotemplate/engine.js');
      return new GoTemplateEngine(new NodeDisk(), { realPath: (path) => files.resolve(path) });
    },
  };
}
