import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemCode } from '../base/errors.js';
import { endGroup } from '../command/group.js';
import type { Clock } from '../io/clock.js';
import type { ExecChild, ExecEnd, StartChild } from './types.js';

/**
 * Starts children with this process's own streams: what they print is the container's output. Each leads a session and a
 * process group of its own, so that a signal from a terminal reaches it once, by way of us, and its whole group can be ended.
 */
export function childStarter(clock: Clock): StartChild {
  return (command): ExecChild => {
    const [program = '', ...args] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
    const child = spawn(program, args, { stdio: 'inherit', detached: true });
    const ended = new Promise<ExecEnd>((resolve) => {
      child.once('error', (error) => {
        resolve({ failure: `can't run ${program}: ${error.message}`, code: systemCode(error) ?? '' });
      });
      child.once('exit', (exitCode, signal) => {
        resolve(signal === null ? { exitCode: exitCode ?? 0 } : { signal });
      });
    });
    return {
      pid: child.pid,
      ended,
      signal: (signal) => void child.kill(signal),
      endGroup: async (graceMs) => {
        if (child.pid !== undefined) await endGroup(child.pid, graceMs, clock);
      },
    };
  };
}

/** The exit code that stands for an end, as shells have it: 127 not found, 126 not executable, 128 + a signal's number. */
export function exitCodeOf(end: ExecEnd): number {
  if (end.exitCode !== undefined) return end.exitCode;
  if (end.signal !== undefined) return 128 + constants.signals[end.signal];
  return end.code === 'ENOENT' ? 127 : 126;
}
