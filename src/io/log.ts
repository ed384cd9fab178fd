/** Structured logging, as pino shapes it. What is secret (tokens, values of keys, passwords) is never passed here. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests, and for rooms that run without a log. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
