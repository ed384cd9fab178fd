import type { DaemonFlags } from './flags.js';

/** How far away the suggested ports are: 2379 → 12379. */
const DISTANCE = 10_000;

const REPLACED = ['listen-client-urls', 'advertise-client-urls', 'listen-peer-urls'] as const;

/**
 * What to type where a port is taken: the same command line with other ports. The advertised peer URLs stay: they name
 * the member, and with it the data folder.
 */
export function commandWithOtherPorts(argv: readonly string[], flags: DaemonFlags): string {
  const kept: string[] = [];
  // What follows is the supervised command's.
  const dashes = argv.includes('--') ? argv.indexOf('--') : argv.length;
  for (let at = 0; at < dashes; at++) {
    const word = argv[at] as string;
    const [, name, attached] = /^--?([^=]+)(=?)/s.exec(word) ?? [];
    if (!REPLACED.some((flag) => flag === name)) kept.push(word);
    else if (attached === '') at++;
  }
  const added = REPLACED.map((flag) => `--${flag}=${flags[flag].map(otherPort).join(',')}`);
  return ['confetd', ...kept, ...added, ...argv.slice(dashes)].join(' ');
}

function otherPort(url: string): string {
  const other = new URL(url);
  const port = Number(other.port || 80) + DISTANCE;
  other.port = String(port > 65_535 ? port - 2 * DISTANCE : port);
  return other.href.replace(/\/$/, '');
}
