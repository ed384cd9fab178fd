import { pino } from 'pino';
import type { Log } from '../log.js';
import type { LogLevel } from './log-level.js';

/** Logs to standard error: JSON lines on a pipe, readable lines on a terminal. */
export async function createLog(level: LogLevel, terminal: boolean): Promise<Log> {
  const options = { level, base: { pid: process.pid } };
  if (!terminal) {
    // Not synchronous: a reader of the pipe that hangs must not hang the event loop.
    const destination = pino.destination({ fd: 2, sync: false });
    process.on('exit', () => destination.flushSync());
    const log: Log = pino(options, destination);
    return log;
  }
  const { default: pretty } = await import('pino-pretty');
  const log: Log = pino(
    options,
    pretty({ destination: 2, sync: true, ignore: 'pid', translateTime: 'HH:MM:ss.l', singleLine: true }),
  );
  return log;
}
