import { relative } from 'node:path';
import { formatDuration } from '../../base/duration.js';
import { ConfetdError } from '../../base/errors.js';
import type { RenderWaitResponse } from '../../proto/generated/render.js';
import { EXIT, ExitError } from '../exit-error.js';
import { goJson } from '../output/go-json.js';
import { few, waited } from '../progress.js';
import { AwaitedFiles } from './awaited-files.js';
import type { Invocation } from './command.js';

/** Waits until the daemon's renderer is done with a revision and prints the files that changed. */
export async function waitForRender(
  invocation: Invocation,
  key: string,
  revision: number,
  timeoutMs: number,
): Promise<void> {
  const client = await invocation.client();
  const progress = invocation.progress();
  const awaited = progress.enabled ? new AwaitedFiles(client, invocation.ports.clock) : undefined;
  progress.show((elapsedMs) => {
    const files = few((awaited?.dests ?? []).map(shownPath));
    const what = files === '' ? '' : `: ${files}`;
    return `waiting for revision ${revision} to be rendered for ${waited(elapsedMs)}${what}`;
  });
  let response: RenderWaitResponse;
  try {
    response = await client.renderWait(revision, Math.max(1, Math.round(timeoutMs)));
  } catch (error) {
    if (error instanceof ConfetdError && error.code === 'unimplemented') {
      throw new ExitError(EXIT.error, NO_RENDERER);
    }
    throw error;
  } finally {
    awaited?.close();
    progress.done();
  }
  await invocation.print(invocation.globals['write-out'] === 'json' ? json(response) : lines(response, key));
  for (const error of response.errors) await invocation.ports.stderr(`${error}\n`);
  if (response.timedOut) {
    const within = `within ${formatDuration(timeoutMs)}`;
    throw new ExitError(
      EXIT.error,
      `revision ${revision} was not rendered ${within}: see confetctl render status`,
    );
  }
  if (response.errors.length > 0)
    throw new ExitError(EXIT.error, `revision ${revision} is stored, but rendering it failed`);
}

const NO_RENDERER =
  'the key is stored, but nothing renders here: --wait needs a confetd that renders (not etcd, not --no-render)';

/** `out/nginx.conf  rev 7  1.7 ms` */
function lines(response: RenderWaitResponse, key: string): string {
  const { files, errors, timedOut, latencyMs } = response;
  if (files.length === 0) {
    if (errors.length > 0 || timedOut) return '';
    return `no file changed: none depends on ${key}, or none reads differently  ${milliseconds(latencyMs)}\n`;
  }
  const names = files.map(({ dest }) => shownPath(dest));
  const width = Math.max(...names.map(({ length }) => length));
  return files
    .map(
      (file, at) =>
        `${(names[at] ?? '').padEnd(width)}  rev ${file.revision}  ${milliseconds(file.latencyMs)}\n`,
    )
    .join('');
}

/** Relative where that is shorter to read: below the folder that this client runs in. */
function shownPath(dest: string): string {
  const path = relative(process.cwd(), dest);
  return path === '' || path.startsWith('..') ? dest : path;
}

function json(response: RenderWaitResponse): string {
  const { files, errors, timedOut, latencyMs } = response;
  return `${goJson({
    files: files.map((file) => ({ dest: file.dest, revision: file.revision, latency_ms: file.latencyMs })),
    latency_ms: latencyMs,
    timed_out: timedOut,
    errors,
  })}\n`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}
