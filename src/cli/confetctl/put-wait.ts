import { formatDuration } from '../../base/duration.js';
import type { RenderWaitResponse } from '../../proto/generated/render.js';
import { EXIT, ExitError } from '../exit-error.js';
import { goJson } from '../output/go-json.js';
import type { Invocation } from './command.js';
import { awaitRender, fileLines, filesJson, isWithoutRenderer, milliseconds } from './rendered-files.js';

/** Waits until the daemon's renderer is done with a revision and prints the files that changed. */
export async function waitForRender(
  invocation: Invocation,
  key: string,
  revision: number,
  timeoutMs: number,
): Promise<void> {
  let response: RenderWaitResponse;
  try {
    response = await awaitRender(invocation, revision, timeoutMs);
  } catch (error) {
    throw isWithoutRenderer(error) ? new ExitError(EXIT.error, NO_RENDERER) : error;
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

function lines({ files, errors, timedOut, latencyMs }: RenderWaitResponse, key: string): string {
  if (files.length > 0) return fileLines(files);
  if (errors.length > 0 || timedOut) return '';
  return `no file changed: none depends on ${key}, or none reads differently  ${milliseconds(latencyMs)}\n`;
}

function json({ files, errors, timedOut, latencyMs }: RenderWaitResponse): string {
  const document = { files: filesJson(files), latency_ms: latencyMs, timed_out: timedOut, errors };
  return `${goJson(document)}\n`;
}
