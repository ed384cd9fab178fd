import { formatDuration } from '../../base/duration.js';
import { ConfetdError } from '../../base/errors.js';
import type { Client } from '../../client/client.js';
import type {
  RenderStatusResponse,
  RenderWaitResponse,
  ResourceStatus,
} from '../../proto/generated/render.js';
import { EXIT, ExitError } from '../exit-error.js';
import { goJson } from '../output/go-json.js';
import { few } from '../progress.js';
import { wholeNumber } from './arguments.js';
import { badArguments, command } from './command.js';
import { askRenderer } from './render-dest.js';
import { textOrJson } from './render-words.js';
import { awaitRender, type ChangedFile, fileLines, filesJson, shownPath } from './rendered-files.js';

export const renderWait = command({
  name: 'render wait',
  synopsis: '[REVISION] [--timeout 30s]',
  description:
    'Returns once the daemon that answers has rendered all that changes up to REVISION affect, and prints the files that\n' +
    'REVISION changed, and those that earlier ones changed meanwhile. It is the newest revision unless given.\n' +
    'Exit code 1 if a file failed, is held, or time ran out.',
  flags: {
    timeout: { kind: 'duration', bareUnit: 's', default: 30_000, usage: 'how long it waits' },
  },
  async run(invocation, { timeout }) {
    const [given, ...more] = invocation.args;
    if (more.length > 0) throw badArguments('render wait takes one revision');
    if (timeout < 0) throw badArguments('--timeout must not be negative');
    const asked = given === undefined ? undefined : revisionOf(given);
    const format = textOrJson(invocation.globals['write-out'], text, json);
    const client = await invocation.client();
    const before = await askRenderer(client.renderStatus());
    const revision = asked ?? (await newestRevision(client));
    const answer = await askRenderer(awaitRender(invocation, revision, timeout));
    const waited = outcomeOf(revision, answer, before, await askRenderer(client.renderStatus()));
    await invocation.print(format(waited));
    for (const error of waited.errors) await invocation.ports.stderr(`${error}\n`);
    if (waited.timedOut) throw new ExitError(EXIT.error, late(waited, timeout));
    if (waited.errors.length > 0) {
      const many = waited.errors.length === 1 ? '1 file' : `${waited.errors.length} files`;
      throw new ExitError(
        EXIT.error,
        `${many} could not be brought to revision ${revision}: see confetctl render status`,
      );
    }
  },
});

/** How things stand after the wait. */
interface Waited {
  readonly revision: number;
  readonly files: readonly ChangedFile[];
  readonly latencyMs: number;
  readonly timedOut: boolean;
  /** Of files that aren't what the revision's keys say, each in one line or more. */
  readonly errors: readonly string[];
  /** Files that are still worked on. */
  readonly pending: readonly string[];
  /** The newest revision whose keys the renderer has. */
  readonly seen: number;
}

/** What the revision itself did, what earlier ones did during the wait, and the files that had failed before. */
function outcomeOf(
  revision: number,
  { files, latencyMs, timedOut }: RenderWaitResponse,
  before: RenderStatusResponse,
  after: RenderStatusResponse,
): Waited {
  const own = new Set(files.map(({ dest }) => dest));
  const swappedAt = new Map(before.resources.map((resource) => [resource.dest, resource.swappedAt]));
  const others = after.resources.filter(
    (resource) => !own.has(resource.dest) && resource.swappedAt > (swappedAt.get(resource.dest) ?? 0),
  );
  return {
    revision,
    files: [
      ...files,
      ...others.map(({ dest, appliedRevision }) => ({
        dest,
        revision: appliedRevision,
        latencyMs: undefined,
      })),
    ],
    latencyMs,
    timedOut,
    errors: after.resources.filter(isStuck).map(({ dest, lastError }) => `${dest}: ${lastError}`),
    pending: after.resources
      .filter((resource) => resource.state === 'pending' && !isStuck(resource))
      .map(({ dest }) => dest),
    seen: after.sourceRevision,
  };

  /** Failed or held before it came that far, or swapped in and not reloaded. */
  function isStuck({ lastError, state, appliedRevision }: ResourceStatus): boolean {
    return lastError !== '' && (state === 'pending' || appliedRevision < revision);
  }
}

function revisionOf(word: string): number {
  const revision = wholeNumber(word);
  if (revision === undefined || revision < 1)
    throw badArguments(`render wait: ${JSON.stringify(word)} is not a revision: expected a number from 1 on`);
  return revision;
}

/** Of the store, by a linearizable read: all that was answered before counts. */
async function newestRevision(client: Pick<Client, 'range'>): Promise<number> {
  try {
    const { header } = await client.range({ key: Buffer.of(0), keysOnly: true });
    return header?.revision ?? 0;
  } catch (error) {
    if (error instanceof ConfetdError && error.code === 'unimplemented')
      throw new ExitError(
        EXIT.error,
        'this confetd has no store that could be asked for its newest revision: write confetctl render wait REVISION',
      );
    throw error;
  }
}

function late({ revision, pending, seen }: Waited, timeoutMs: number): string {
  const files = pending.length === 0 ? '' : `, still to do: ${few(pending.map(shownPath))}`;
  const keys = seen < revision ? `, the renderer has the keys of revision ${seen}` : '';
  return `revision ${revision} was not rendered within ${formatDuration(timeoutMs)}${keys}${files}: see confetctl render status`;
}

function text({ files, errors, timedOut, revision }: Waited): string {
  if (files.length > 0) return fileLines(files);
  return errors.length > 0 || timedOut
    ? ''
    : `no file changed: each is what the keys of revision ${revision} say\n`;
}

function json({ revision, files, latencyMs, timedOut, errors, pending }: Waited): string {
  return `${goJson({
    revision,
    files: filesJson(files),
    latency_ms: latencyMs,
    timed_out: timedOut,
    errors,
    pending,
  })}\n`;
}
