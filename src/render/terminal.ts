import { relative } from 'node:path';
import pc from 'picocolors';
import { colored, plain } from './diff-colors.js';
import type { RenderEvent } from './events.js';

export interface TerminalOptions {
  readonly write: (text: string) => void;
  readonly color: boolean;
  /** Destinations under it are shown relative to it. */
  readonly cwd: string;
}

/** Shows a renderer's events to a person: a line a file, and under it what changed and the key that caused it. */
export function terminal({ write, color, cwd }: TerminalOptions): (event: RenderEvent) => void {
  const c = pc.createColors(color);
  const line = (...cells: readonly string[]): void =>
    write(`${cells.filter((cell) => cell !== '').join('  ')}\n`);
  const short = (dest: string): string => {
    const path = relative(cwd, dest);
    return path.startsWith('..') || path === '' ? dest : path;
  };
  const shorts = (dests: readonly string[]): string => dests.map(short).join(', ');

  return (event) => {
    switch (event.type) {
      case 'written': {
        const took = event.latencyMs === undefined ? '' : duration(event.latencyMs);
        const word = event.drift ? c.yellow('repaired') : c.green('written');
        line(short(event.dest), word, `rev ${event.revision}`, c.dim(took));
        if (event.diff === undefined || event.diff === '') return;
        if (event.causeCount > 0) line(c.bold(`  ${plain(causes(event.causes, event.causeCount))}`));
        write(indented(colored(event.diff, c)));
        return;
      }
      case 'in sync':
      case 'applied':
      case 'complete':
        // Summed up by `ready`, or shown file by file.
        return;
      case 'failed':
        line(short(event.dest), c.red('failed'), retry(event.retryInMs));
        write(indented(plain(event.error)));
        return;
      case 'warning':
        line(short(event.dest), c.yellow('warning'), plain(event.message));
        return;
      case 'held':
        line(short(event.dest), c.yellow('held'), plain(event.reason));
        return;
      case 'restored':
        line(shorts(event.dests), c.red('put back'), `${event.command}: ${event.outcome}`);
        return;
      case 'reload':
        if (event.ok) line(c.dim(`reloaded  ${event.command}  ${duration(event.durationMs)}`));
        else line(c.red('reload failed'), event.command, event.outcome, retry(event.retryInMs));
        return;
      case 'pruned':
        line(short(event.dest), c.yellow('removed'), `rev ${event.revision}`);
        return;
      case 'removed':
        line(short(event.dest), c.yellow('no longer declared'), 'the file stays as it is');
        return;
      case 'configuration':
        for (const problem of event.problems) line(c.red('error'), plain(problem));
        return;
      case 'source lost':
        line(c.yellow(`${event.source} lost`), event.reason);
        return;
      case 'source back':
        line(c.green(`${event.source} back`), `rev ${event.revision}`);
        return;
      case 'ready': {
        const said = [
          [event.inSync, 'in sync', c.green],
          [event.failed, 'failed', c.red],
          [event.held, 'held', c.yellow],
        ] as const;
        for (const [count, word, paint] of said) {
          if (count > 0)
            line(paint(`${count} ${count === 1 ? 'file' : 'files'} ${word} at rev ${event.revision}`));
        }
      }
    }
  };
}

function causes(keys: readonly string[], count: number): string {
  const more = count - keys.length;
  return more > 0 ? `${keys.join(', ')} and ${more} more` : keys.join(', ');
}

function retry(ms: number | undefined): string {
  return ms === undefined ? '' : `retry in ${duration(ms)}`;
}

/** 1.7 ms, 240 ms, 3.2 s. */
function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}\n`)
    .join('');
}
