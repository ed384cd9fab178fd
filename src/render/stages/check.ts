import { ConfetdError } from '../../base/errors.js';
import type { Target } from '../target.js';
import type { World } from '../world.js';
import { runCommand, withOutput } from './command.js';

/** Runs check_cmd on the staged file. Fails with a `command` error. */
export async function check(target: Target, stage: string, revision: number, world: World): Promise<void> {
  const { checkCmd, checkTimeoutMs, dest } = target.resource;
  if (checkCmd === undefined || world.pass.syncOnly) return;
  const subject = { src: stage, dests: [dest], revision };
  world.activity?.({ type: 'command', kind: 'check', dests: [dest] });
  const { result, record } = await runCommand(checkCmd, checkTimeoutMs, subject, world.stopping, world);
  target.state.check = record;
  world.meters.observe('check', record.durationMs);
  if (!result.ok) throw new ConfetdError('command', `Config check failed: ${withOutput(result)}`);
}
