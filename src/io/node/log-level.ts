/** pino's names; `warning` and `panic`, which confd's users write, are read as the nearest. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A level by etcd's or confd's name; undefined: there is none. */
export function parseLogLevel(name: string): LogLevel | undefined {
  switch (name.toLowerCase()) {
    case 'debug':
    case 'trace':
      return 'debug';
    case 'info':
    case 'notice':
      return 'info';
    case 'warn':
    case 'warning':
      return 'warn';
    case 'error':
    case 'dpanic':
    case 'panic':
    case 'fatal':
    case 'crit':
    case 'critical':
      return 'error';
    default:
      return undefined;
  }
}
