import { parentPort } from 'node:worker_threads';
import { messageOf } from '../base/errors.js';
import { commandRunner } from '../command/run.js';
import { HookSet } from '../hooks/hook-set.js';
import { silentLog } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { serveRenderer } from '../render/worker.js';
import { sharedTimeOffsetMs } from '../source/feed.js';
import { renderPorts } from './render-ports.js';

/** The worker thread: the renderer and the hooks, tied to the main thread by one port. */
const port = parentPort;
if (port === null) throw new Error('render-worker.js is started by the daemon as a worker thread');
const clock = new NodeClock();
serveRenderer(port, {
  ...renderPorts(clock, silentLog),
  timeOffsetMs: sharedTimeOffsetMs(clock.monotonicMs()),
  companion: (source, log) => {
    const hooks = new HookSet({ source, run: commandRunner(clock), clock, log });
    return {
      setGeneration: (generation) => {
        hooks.setHooks(generation.hooks).catch((error) => log.error({}, `hooks: ${messageOf(error)}`));
      },
      close: () => hooks.close(),
    };
  },
});
