import type { Clock } from '../../io/clock.js';
import type { RenderStatusResponse, ResourceStatus } from '../../proto/generated/render.js';
import { LatestStatus } from '../v3/latest-status.js';
import type { RenderControl } from '../v3/render-control.js';
import type { HttpHandler } from './router.js';
import { send } from './send.js';

/** Lines that one answer has; the rest is counted. */
const MAX_LINES = 1_000;

/**
 * `/readyz/render`: 200 where every file is what the keys say, checked and reloaded; else 503 with a line for each that
 * isn't: its path, state and reason, between tabs. `?dest=PATH` asks for one file, 404 where no resource has it;
 * `?verbose` lists all files, and what is wrong with the configuration.
 */
export function renderReadiness(render: Pick<RenderControl, 'status'>, clock: Clock): HttpHandler {
  const latest = new LatestStatus(render, clock);
  return async (request, response) => {
    const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
    const { status, lines } = answer(await latest.fresh(), query.get('dest'), isOn(query.get('verbose')));
    send(
      response,
      status,
      'text/plain; charset=utf-8',
      bounded(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
  };
}

/** `?verbose`, `?verbose=1`, `?verbose=true`. */
function isOn(value: string | null): boolean {
  return value !== null && value !== '0' && value !== 'false';
}

function answer(
  status: RenderStatusResponse | undefined,
  dest: string | null,
  verbose: boolean,
): { readonly status: number; readonly lines: readonly string[] } {
  if (status === undefined) return { status: 503, lines: ['the renderer does not answer'] };
  const { resources, filesKnown, configErrors } = status;
  const asked = dest === null ? resources : resources.filter((resource) => resource.dest === dest);
  const behind = asked.filter(({ state }) => state !== 'in_sync');
  const shown = (verbose ? asked : behind).map(lineOf);
  const errors = verbose ? configErrors.map((error) => `config error\t${oneLine(error)}`) : [];
  if (asked.length === 0 && dest !== null && filesKnown)
    return { status: 404, lines: [`no resource has dest ${oneLine(dest)}`] };
  // Files of a for_each are known once the keys are.
  const starting = !filesKnown && (dest === null || asked.length === 0);
  const lines = [
    ...shown,
    ...(starting ? [`the keys are not loaded yet${reasonOf(status)}`] : []),
    ...errors,
  ];
  if (behind.length > 0 || starting) return { status: 503, lines };
  return { status: 200, lines: [...lines, 'ok'] };
}

function reasonOf({ sourceError }: RenderStatusResponse): string {
  return sourceError === '' ? '' : `: ${oneLine(sourceError)}`;
}

function lineOf({ dest, state, lastError, pending }: ResourceStatus): string {
  const reason = lastError === '' ? pending : lastError;
  return [oneLine(dest), state, ...(reason === '' ? [] : [oneLine(reason)])].join('\t');
}

function bounded(lines: readonly string[]): readonly string[] {
  const more = lines.length - MAX_LINES;
  if (more <= 0) return lines;
  // The last line is the verdict.
  return [...lines.slice(0, MAX_LINES - 1), `and ${more} more`, ...lines.slice(-1)];
}

/** Of a path or an error: a line of the answer is a file. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ').replace(/\p{Cc}/gu, ' ');
}
