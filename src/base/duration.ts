/** Milliseconds of each unit that Go's time.ParseDuration knows. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a Go duration (`10s`, `1m30s`, `-1.5h`, `0`); undefined if it isn't one. A bare number counts in
 * `bareUnit`, where there is one.
 */
export function parseDuration(text: string, bareUnit?: 'ms' | 's'): number | undefined {
  const [, sign, body] = /^([+-]?)(.+)$/s.exec(text) ?? [];
  if (body === undefined) return undefined;
  const factor = sign === '-' ? -1 : 1;
  if (/^\d+(\.\d+)?$/.test(body)) {
    if (Number(body) === 0) return 0;
    return bareUnit === undefined ? undefined : factor * Number(body) * (bareUnit === 's' ? 1_000 : 1);
  }
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0;
  for (const [, number, unit = ''] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * (UNITS[unit] ?? 0);
  }
  return factor * total;
}

/** A duration as Go prints it: `972.392µs`, `1.5ms`, `5.000858691s`, `1m30s`, `1h0m0s`. */
export function formatDuration(ms: number): string {
  const ns = Math.round(Math.abs(ms) * 1e6);
  const sign = ms < 0 ? '-' : '';
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${decimal(ns, 3)}µs`;
  if (ns < 1e9) return `${sign}${decimal(ns, 6)}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${decimal(ns - minutes * 60e9, 9)}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60}m${seconds}`;
}

/** A whole number of the smallest unit with the point `digits` to the left, without trailing zeros. */
function decimal(whole: number, digits: number): string {
  const scale = 10 ** digits;
  const fraction = String(whole % scale)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  const integer = String(Math.floor(whole / scale));
  return fraction === '' ? integer : `${integer}.${fraction}`;
}
