import { substitute } from '../../command/substitute.js';
import type { CommandResult, CommandSpec } from '../../command/types.js';
import type { CommandRecord } from '../state.js';
import type { World } from '../world.js';

/** What a command is run about. */
export interface CommandSubject {
  /** The file that has the new content: staged, or in place. */
  readonly src: string;
  /** More than one where a lane has swapped several files. */
  readonly dests: readonly string[];
  readonly revision: number;
}

/** Runs a check, verify or reload command. */
export async function runCommand(
  spec: CommandSpec,
  timeoutMs: number,
  { src, dests, revision }: CommandSubject,
  signal: AbortSignal,
  { ports, commands }: World,
): Promise<{ readonly result: CommandResult; readonly record: CommandRecord }> {
  const env = {
    CONFETD_SRC: src,
    CONFETD_DEST: dests.join('\n'),
    CONFETD_REVISION: String(revision),
  };
  const command = substitute(spec, { src, dest: dests[0] ?? src });
  const result = await commands.run(() => ports.run(command, { timeoutMs, env, signal }));
  const { ok, outcome, durationMs } = result;
  ports.log.debug({ command, outcome, ms: durationMs, output: result.output }, 'command ran');
  return { result, record: { at: ports.clock.wallMs(), ok, outcome, durationMs } };
}

/** As people write it. */
export function commandText(spec: CommandSpec): string {
  return typeof spec === 'string' ? spec : spec.join(' ');
}

/** An outcome with the last lines of what the command said. */
export function withOutput({ outcome, output }: CommandResult): string {
  const lines = output.trimEnd().split('\n').slice(-5).join('\n');
  return lines === '' ? outcome : `${outcome}: ${lines}`;
}
