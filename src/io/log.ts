/** Structured logging, as pino shapes it. What is secret (tokens, values of keys, passwords) is never passed here. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests, and for rooms that run without a log. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The least severe of what is logged. */
export type LogLevel = keyof Log | 'silent';

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** Whether a line of `level` is logged where `least` is asked for. */
export function isLogged(level: keyof Log, least: LogLevel): boolean {
  return SEVERITY[level] >= SEVERITY[least];
}
