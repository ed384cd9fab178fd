import type { ConfetdError } from '../base/errors.js';
import { messageOf } from '../base/errors.js';
import { NodeClock } from '../io/node/clock.js';
import { createLog } from '../io/node/log.js';
import { type Config, memberConfig } from './config.js';
import { startMemberHost } from './member-host.js';

/** Runs until a signal or a failure that it can't live with. Answers the exit code. */
export async function daemon(config: Config): Promise<number> {
  const { flags } = config;
  const log = await createLog(config.logLevel, process.stderr.isTTY === true);
  for (const warning of config.warnings) log.warn({}, warning);
  const clock = new NodeClock();
  const ending = new Ending();
  const host = await startMemberHost(flags, memberConfig(flags), {
    clock,
    log,
    halted: (reason) => ending.halted(reason),
  });
  try {
    await host.serve(undefined);
    log.info({ clients: flags['listen-client-urls'], data: flags['data-dir'] }, 'serving clients');
    return await ending.reached;
  } finally {
    await host.close().catch((error) => log.error({}, `while stopping: ${messageOf(error)}`));
  }
}

/** What ends the daemon: the first SIGTERM or SIGINT in good order, a second one at once, or a member that halts. */
class Ending {
  readonly reached: Promise<number>;
  #reach: (code: number) => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    let signals = 0;
    const onSignal = () => {
      signals++;
      if (signals > 1) process.exit(1);
      this.#reach(0);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  halted(_reason: ConfetdError): void {
    this.#reach(1);
  }
}
