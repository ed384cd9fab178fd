import { hostname } from 'node:os';
import { isLogged, type Log, type LogLevel } from '../io/log.js';
import type { Config } from './config.js';

const WORDS = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' } as const;

/** confd's lines: `TIME HOST confetd[PID]: LEVEL message`. Of the fields only `error` is shown, behind the message. */
export function textLog(level: LogLevel, write: (line: string) => void): Log {
  const source = `${hostname()} confetd[${process.pid}]`;
  const at = (word: keyof Log) =>
    isLogged(word, level)
      ? (fields: object, message: string): void => {
          const error = 'error' in fields && typeof fields.error === 'string' ? `: ${fields.error}` : '';
          write(`${rfc3339(new Date())} ${source}: ${WORDS[word]} ${message}${error}\n`);
        }
      : (): void => undefined;
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** In local time, to the second, as Go's time.RFC3339. */
export function rfc3339(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset);
  const two = (count: number): string => String(Math.floor(count)).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** To standard error, for a daemon: a reader of the pipe that hangs must not hang the event loop. */
export async function daemonTextLog(level: LogLevel): Promise<Log> {
  const { pino } = await import('pino');
  const destination = pino.destination({ fd: 2, sync: false });
  process.on('exit', () => destination.flushSync());
  return textLog(level, (line) => destination.write(line));
}

/** To standard error, without a logging library to load: a one-shot is measured as a whole process. */
export function plainLog({ flags, logLevel }: Pick<Config, 'flags' | 'logLevel'>): Log {
  const write = (line: string): void => {
    process.stderr.write(line);
  };
  return flags['log-format'] === 'json' ? jsonLog(logLevel, write) : textLog(logLevel, write);
}

/** As the daemon's lines. */
function jsonLog(least: LogLevel, write: (line: string) => void): Log {
  const numbers = { debug: 20, info: 30, warn: 40, error: 50 } as const;
  const at = (level: keyof Log) => (fields: object, msg: string) => {
    if (!isLogged(level, least)) return;
    write(
      `${JSON.stringify({ level: numbers[level], time: Date.now(), pid: process.pid, ...fields, msg })}\n`,
    );
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
