import { resolve } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import { flagLines } from '../cli/usage.js';
import { formatProblem, load } from '../confdir/load.js';
import type { Generation, Problem, Resource } from '../confdir/types.js';
import { NodeClock } from '../io/node/clock.js';
import { againstDisk, between, type Difference } from '../preview/compare.js';
import { type FileDocument, fileDocument, placeOf } from '../preview/document.js';
import { changedKeys, historyOf, keysAt, withDeletions } from '../preview/keys.js';
import { Previewer, type PreviewFile } from '../preview/previewer.js';
import { selection } from '../preview/selection.js';
import { differenceText, textsOf } from '../preview/text.js';
import { usesColor } from '../render/diff-colors.js';
import { outermost } from '../source/subtree.js';
import type { Source } from '../source/types.js';
import { confdirOptions } from './config.js';
import { OnetimeProgress } from './onetime-progress.js';
import { type PreviewLine, RENDER_FLAGS, readPreviewLine, revisionsOf } from './preview-flags.js';
import {
  endedBySignals,
  mockSpec,
  openForCommand,
  sentenceLog,
  toleratesClosedPipe,
} from './preview-ports.js';
import { renderPorts } from './render-ports.js';
import { onetimeSourceSpec } from './source-spec.js';
import { withSrvNodes } from './srv.js';

const USAGE = `confetd render shows what the files of conf.d would be, and writes nothing.

Usage:
  confetd render [flags] [DEST…]                  print the rendered text
  confetd render --diff [DEST…]                   … as a diff against the files on the disk
  confetd render --at-revision N [--diff] [DEST…] … from the keys as they were
  confetd render --between N M [DEST…]            what the change of keys from N to M did to each file
  confetd render --mock FILE [--diff] [DEST…]     … from a file's keys; no store is asked

DEST is a destination, or a file of conf.d; all unless given. Revisions are kept by etcdv3 and embedded alone.
Exit codes: 0; 2 with --exit-code if a file would change; 1 if anything failed, or is held back by a guard.
`;

type Line = PreviewLine<typeof RENDER_FLAGS>;

/** What was found out about the files. */
interface Outcome {
  readonly revision: number;
  /** In the resources' order, each with its difference if one was looked for. */
  readonly files: readonly { readonly file: PreviewFile; readonly difference?: Difference }[];
  /** Of items, which belong to no file. */
  readonly errors: readonly string[];
}

/** `confetd render`. Answers the exit code. */
export async function renderCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  let line: Line | undefined;
  try {
    line = readPreviewLine(RENDER_FLAGS, argv, env);
    if (line !== undefined) refuseContradictions(line);
  } catch (error) {
    process.stderr.write(`confetd render: ${messageOf(error)}\nTry confetd render --help.\n`);
    return 1;
  }
  if (line === undefined) {
    process.stdout.write(`${USAGE}\nFlags:\n${flagLines(RENDER_FLAGS)}`);
    return 0;
  }
  toleratesClosedPipe();
  try {
    return await run(line, env);
  } catch (error) {
    if (line.own.output === 'json')
      print({ ok: false, files: [], errors: [{ file: '', line: 0, column: 0, message: messageOf(error) }] });
    else process.stderr.write(`confetd: ${messageOf(error)}\n`);
    return 1;
  }
}

function refuseContradictions({ own }: Line): void {
  const revisions = revisionsOf(own.between);
  const atRevision = own['at-revision'] !== 0;
  const refuse = (a: string, b: string): never => {
    throw new ConfetdError('usage', `${a} and ${b} exclude each other: keep one`);
  };
  if (revisions !== undefined && atRevision) refuse('--between', '--at-revision');
  if (own.mock !== '' && atRevision) refuse('--mock', '--at-revision');
  if (own.mock !== '' && revisions !== undefined) refuse('--mock', '--between');
}

async function run(line: Line, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const { own, warnings } = line;
  const clock = new NodeClock();
  const progress = new OnetimeProgress(clock, own.output);
  const log = progress.log(sentenceLog());
  for (const warning of warnings) log.warn({}, warning);
  const flags = own.mock === '' ? await withSrvNodes(line.flags, log) : line.flags;
  const generation = await load(flags.confdir, confdirOptions(flags));
  const asJson = own.output === 'json';
  if (!asJson)
    for (const problem of generation.problems) log.warn({}, `${problem.severity}: ${formatProblem(problem)}`);
  const { resources } = generation;
  const words = [...line.words, ...(own.resource === '' ? [] : [own.resource])];
  const places = { confdir: flags.confdir, cwd: process.cwd() };
  if (resources.length === 0) {
    selection(words, resources, places);
    return tell(line, generation, { revision: 0, files: [], errors: [] });
  }
  const spec = own.mock === '' ? onetimeSourceSpec(flags, env) : mockSpec(own.mock);
  const source = await openForCommand(spec, env);
  const abort = new AbortController();
  const release = endedBySignals(abort);
  const timer = clock.schedule(flags.timeout, () => {
    abort.abort(new ConfetdError('source', `no answer within --timeout (${flags.timeout} ms)`));
  });
  const isPast = own.mock !== '' || own['at-revision'] !== 0 || own.between !== '';
  const look: Look = {
    source,
    previewer: new Previewer({
      ports: { ...renderPorts(clock, log), env },
      confdir: resolve(flags.confdir),
      // What was remembered is of the newest keys.
      stateFolder: isPast || flags['state-dir'] === '' ? undefined : resolve(flags['state-dir']),
      strict: flags.strict,
      signal: abort.signal,
      onActivity: progress.take,
    }),
    resources,
    pick: (known) => selection(words, known, places),
    context: flags['diff-context'],
    signal: abort.signal,
    loaded: () => timer.cancel(),
  };
  try {
    progress.loading(spec);
    const revisions = revisionsOf(own.between);
    const outcome = await (revisions === undefined
      ? lookAtOne(look, own['at-revision'] || undefined, { disk: own.diff || own['exit-code'] })
      : lookAtTwo(look, revisions));
    progress.end();
    return tell(line, generation, outcome);
  } finally {
    progress.end();
    timer.cancel();
    release();
    await source.close();
  }
}

/** What a look at the files takes. */
interface Look {
  readonly source: Source;
  readonly previewer: Previewer;
  readonly resources: readonly Resource[];
  /** Those that were asked for, of what the keys make of them. */
  readonly pick: (known: readonly Resource[]) => (resource: Resource) => boolean;
  /** Lines around a change. */
  readonly context: number;
  readonly signal: AbortSignal;
  /** The source has answered: --timeout is over. */
  readonly loaded: () => void;
}

/** The files at one revision, the newest unless given; with their differences from the disk if asked. */
async function lookAtOne(
  { source, previewer, resources, pick, context, signal, loaded }: Look,
  revision: number | undefined,
  { disk }: { readonly disk: boolean },
): Promise<Outcome> {
  const snapshot = await keysAt(source, subtreesOf(resources), revision, signal);
  loaded();
  const moment = await previewer.at(snapshot, resources);
  const files: Outcome['files'][number][] = [];
  for (const file of await moment.render(pick(moment.resources), { disk }))
    files.push({ file, ...(disk ? { difference: await againstDisk(file, { context }) } : {}) });
  return { revision: moment.revision, files, errors: moment.errors };
}

/** The files at two revisions, with what the change of keys did to them. */
async function lookAtTwo(
  { source, previewer, resources, pick, context, signal, loaded }: Look,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Outcome> {
  const history = historyOf(source, '--between');
  const subtrees = subtreesOf(resources);
  const [earlier, later] = await Promise.all([
    history.loadAt(subtrees, from, signal),
    history.loadAt(subtrees, to, signal),
  ]);
  const changes = await withDeletions(changedKeys(earlier, later), history, { from, to, signal });
  loaded();
  const before = await previewer.at(earlier, resources);
  const after = await previewer.at(later, resources);
  const wanted = pick([...after.resources, ...before.resources]);
  const were = new Map(
    (await before.render(wanted, { disk: false })).map((file) => [file.resource.dest, file]),
  );
  const are = new Map(
    (await after.render(wanted, { disk: false })).map((file) => [file.resource.dest, file]),
  );
  const files: Outcome['files'][number][] = [];
  for (const [dest, file] of new Map([...are, ...[...were].filter(([gone]) => !are.has(gone))])) {
    const difference = await between(were.get(dest), are.get(dest), changes, { context, from, to });
    files.push({ file, ...(difference === undefined ? {} : { difference }) });
  }
  return { revision: to, files, errors: [...new Set([...before.errors, ...after.errors])] };
}

function subtreesOf(resources: readonly Resource[]): readonly string[] {
  return outermost(resources.flatMap(({ subtrees }) => subtrees));
}

/** Prints what was found out. Answers the exit code. */
function tell({ own, flags, words }: Line, { problems }: Generation, outcome: Outcome): number {
  const { files, errors, revision } = outcome;
  const differences = files.flatMap(({ difference }) => difference ?? []);
  // Who names files asks about these alone.
  const named = words.length > 0 || own.resource !== '';
  const broken = named ? [] : problems.filter(({ severity }) => flags.strict || severity === 'error');
  const stuck = files.filter(
    ({ file, difference }) =>
      file.error !== '' ||
      file.held !== '' ||
      difference?.status === 'failed' ||
      difference?.status === 'held',
  );
  const ok = stuck.length === 0 && errors.length === 0 && broken.length === 0;
  if (own.output === 'json') {
    const withText = !own.diff && own.between === '';
    print({
      ok,
      ...(own.between === '' ? { revision } : { between: revisionsOf(own.between) }),
      files: files.map(({ file, difference }): FileDocument => fileDocument(file, difference, withText)),
      errors: [
        ...problems.filter(({ severity }) => severity === 'error').map(placeOf),
        ...errors.map((message) => ({ file: '', line: 0, column: 0, message })),
      ],
      warnings: problems.filter(({ severity }) => severity === 'warning').map(placeOf),
    });
  } else {
    for (const error of errors) process.stderr.write(`confetd: ${error}\n`);
    for (const { file, difference } of files) process.stderr.write(trouble(file, difference));
    const isTerminal = process.stdout.isTTY === true;
    const color = usesColor(flags.color, isTerminal, process.env);
    if (own.diff || own.between !== '') {
      const texts = differences.map((difference) => differenceText(difference, { color, isTerminal }));
      process.stdout.write(texts.filter((text) => text !== '').join('\n'));
      if (ok && files.length > 0 && differences.every(({ status }) => status === 'in sync'))
        process.stderr.write(nothing(own, files.length, revision));
    } else
      process.stdout.write(
        textsOf(
          files.map(({ file }) => file),
          color,
        ),
      );
  }
  if (!ok) return 1;
  return own['exit-code'] && differences.some(({ status }) => status !== 'in sync') ? 2 : 0;
}

function nothing({ between: given, mock }: Line['own'], count: number, revision: number): string {
  const many = count === 1 ? '1 file is' : `${count} files are`;
  if (given !== '') return `confetd: no file changed: ${many} the same at both revisions\n`;
  const what = mock === '' ? `revision ${revision}` : mock;
  return `confetd: nothing would change: ${many} what ${what} makes\n`;
}

/** Why a file isn't rendered, or would stay as it is; '' where all is well. */
function trouble({ resource, held, error }: PreviewFile, difference: Difference | undefined): string {
  const own = difference?.status === 'failed' || difference?.status === 'held';
  const reason = own ? difference.reason : error || held;
  if (reason === '') return '';
  const failed = own ? difference.status === 'failed' : error !== '';
  return `confetd: ${resource.dest}: ${failed ? 'failed' : 'held'}: ${reason}\n`;
}

/** One document, all that standard output gets. */
export function print(document: {
  readonly ok: boolean;
  readonly files: readonly object[];
  readonly errors: readonly Omit<Problem, 'severity'>[];
  readonly [more: string]: unknown;
}): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
