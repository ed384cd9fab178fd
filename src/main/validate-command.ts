import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import { flagLines } from '../cli/usage.js';
import { formatProblem, load } from '../confdir/load.js';
import type { Problem, Resource } from '../confdir/types.js';
import { NodeClock } from '../io/node/clock.js';
import { type FileDocument, fileDocument, placeOf } from '../preview/document.js';
import { problemOf } from '../preview/faults.js';
import { type Moment, Previewer, type PreviewFile } from '../preview/previewer.js';
import { validateTemplates } from '../preview/validation.js';
import type { RenderPorts } from '../render/world.js';
import { resourceFile } from './checks.js';
import { confdirOptions } from './config.js';
import { type PreviewLine, readPreviewLine, VALIDATE_FLAGS } from './preview-flags.js';
import { endedBySignals, mockKeys, sentenceLog, toleratesClosedPipe } from './preview-ports.js';
import { print } from './render-command.js';
import { renderPorts } from './render-ports.js';

const USAGE = `confetd validate looks at conf.d and all templates, and says what is wrong with them. No store is asked.

Usage:
  confetd validate [flags]              parse everything; check functions, partials, includes and literal keys
  confetd validate --mock FILE [flags]  … and render from a file's keys, and run the check commands on the results

Check commands run on copies in a temporary folder; destinations are not touched, and nothing is reloaded.
Exit codes: 0; 1 if anything is wrong (with --strict, a warning too).
`;

type Line = PreviewLine<typeof VALIDATE_FLAGS>;
type Environment = Readonly<Record<string, string | undefined>>;

interface Findings {
  readonly templates: readonly string[];
  readonly files: readonly FileDocument[];
  /** Of conf.d, of the templates, of what was rendered: in this order. */
  readonly problems: readonly Problem[];
}

/** `confetd validate`. Answers the exit code. */
export async function validateCommand(argv: readonly string[], env: Environment): Promise<number> {
  let line: Line | undefined;
  try {
    line = readPreviewLine(VALIDATE_FLAGS, argv, env);
  } catch (error) {
    process.stderr.write(`confetd validate: ${messageOf(error)}\nTry confetd validate --help.\n`);
    return 1;
  }
  if (line === undefined) {
    process.stdout.write(`${USAGE}\nFlags:\n${flagLines(VALIDATE_FLAGS)}`);
    return 0;
  }
  toleratesClosedPipe();
  const asJson = line.own.output === 'json';
  try {
    const findings = await run(line, env);
    const wrong = findings.problems.filter(({ severity }) => isWrong(severity, line));
    if (asJson) document(findings, wrong.length === 0);
    else sum(findings);
    return wrong.length === 0 ? 0 : 1;
  } catch (error) {
    if (asJson)
      print({ ok: false, files: [], errors: [{ file: '', line: 0, column: 0, message: messageOf(error) }] });
    else process.stderr.write(`confetd: ${messageOf(error)}\n`);
    return 1;
  }
}

function isWrong(severity: Problem['severity'], { flags }: Line): boolean {
  return severity === 'error' || flags.strict;
}

async function run(line: Line, env: Environment): Promise<Findings> {
  const { own, flags, words } = line;
  const [word] = words;
  if (word !== undefined)
    throw new ConfetdError(
      'usage',
      `unexpected argument ${JSON.stringify(word)}: name a file of conf.d with --resource`,
    );
  const log = sentenceLog();
  for (const warning of line.warnings) log.warn({}, warning);
  const confdir = resolve(flags.confdir);
  const only = own.resource === '' ? undefined : await resourceFile(confdir, own.resource);
  const isWanted = (file: string): boolean => only === undefined || file === only;
  const generation = await load(confdir, confdirOptions(flags));
  const resources = [...generation.resources, ...(generation.refused ?? [])].filter(({ position }) =>
    isWanted(position.file),
  );
  const problems = generation.problems.filter(({ file }) => isWanted(file));
  const ports = { ...renderPorts(new NodeClock(), log), env };
  const all = only === undefined;
  const { templates, problems: faults, failed } = await validateTemplates({ ports, confdir, resources, all });
  problems.push(...faults);
  const broken = resources.filter((resource) => failed.has(resource));
  const sound = resources.filter((resource) => !failed.has(resource));
  const files = broken.map((resource) => unrendered(resource, 'failed', faults));
  if (own.mock === '') files.push(...sound.map((resource) => unrendered(resource, 'ok', faults)));
  else {
    const rendered = await renderMock(sound, { path: own.mock, confdir, strict: flags.strict, ports });
    files.push(...rendered.files);
    problems.push(...rendered.problems);
  }
  return { templates, files, problems };
}

interface MockOptions {
  readonly path: string;
  readonly confdir: string;
  readonly strict: boolean;
  readonly ports: RenderPorts;
}

/** Renders from a file's keys, and checks what comes out. Fails with `source` where the file can't be read. */
async function renderMock(
  resources: readonly Resource[],
  { path, confdir, strict, ports }: MockOptions,
): Promise<Pick<Findings, 'files' | 'problems'>> {
  const abort = new AbortController();
  const release = endedBySignals(abort);
  try {
    const { signal } = abort;
    const snapshot = await mockKeys(path, signal);
    const moment = await new Previewer({ ports, confdir, strict, signal }).at(snapshot, resources);
    const previews = await moment.render(() => true, { disk: false, alone: true });
    const files: FileDocument[] = [];
    const problems: Problem[] = moment.errors.map((message) => problemOf(message, NOWHERE));
    for (const [preview, checked] of await checkAll(moment, previews)) {
      const { resource, held, error } = preview;
      const file = fileDocument(preview, undefined, true);
      const own: Problem[] = [];
      if (error !== '') own.push(problemOf(error, resource));
      else if (held !== '') own.push({ severity: 'warning', ...resource.position, message: held });
      else if (checked?.ok === false) {
        const message = `${resource.dest}: ${checked.outcome}`;
        own.push({ severity: 'error', ...resource.position, message });
      }
      problems.push(...own);
      const failed = own.some(({ severity }) => severity === 'error');
      files.push({
        ...file,
        ...(failed ? { status: 'failed', errors: own.map(placeOf) } : {}),
        ...(checked === undefined ? {} : { check: checked }),
      });
    }
    for (const { forEach, position, name } of resources) {
      if (forEach === undefined || previews.some(({ resource }) => resource.item?.of === name)) continue;
      const message = `${path} has no item for for_each = ${JSON.stringify(forEach.glob)}: nothing was rendered`;
      problems.push({ severity: 'warning', ...position, message });
    }
    return { files, problems };
  } finally {
    release();
  }
}

type Checked = readonly [PreviewFile, { readonly ok: boolean; readonly outcome: string } | undefined];

/** Each check command runs on a copy of its file, in a folder that is gone afterwards. */
async function checkAll(moment: Moment, files: readonly PreviewFile[]): Promise<readonly Checked[]> {
  if (files.every(({ resource }) => resource.checkCmd === undefined))
    return files.map((file) => [file, undefined]);
  const folder = await mkdtemp(join(tmpdir(), 'confetd-validate-'));
  try {
    const checked: Checked[] = [];
    for (const [at, file] of files.entries()) {
      const { resource, content, held, error } = file;
      if (resource.checkCmd === undefined || content === undefined || held !== '' || error !== '') {
        checked.push([file, undefined]);
        continue;
      }
      // One folder a file: copies keep their names, of which two may be the same.
      const own = join(folder, String(at));
      await mkdir(own);
      const fault = await moment.check(file, own);
      checked.push([file, { ok: fault === '', outcome: fault || 'passed' }]);
    }
    return checked;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const NOWHERE = { position: { file: '', line: 0, column: 0 }, srcPath: '' };

/** A resource of which only the template was looked at. */
function unrendered(resource: Resource, status: 'ok' | 'failed', faults: readonly Problem[]): FileDocument {
  const { dest, name, position, srcPath } = resource;
  const own = faults.filter(({ file, severity }) => severity === 'error' && file === srcPath);
  return {
    dest,
    resource: name,
    file: position.file,
    line: position.line,
    template: srcPath,
    status,
    errors: own.map(placeOf),
  };
}

function document({ templates, files, problems }: Findings, ok: boolean): void {
  const of = (severity: Problem['severity']) =>
    problems.filter((one) => one.severity === severity).map(placeOf);
  print({ ok, files, templates, errors: of('error'), warnings: of('warning') });
}

/** A line for each problem, and one for all. */
function sum({ templates, files, problems }: Findings): void {
  const lines = problems.map(({ severity, ...problem }) =>
    formatProblem({ severity, ...problem, message: `${severity}: ${problem.message}` }),
  );
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = [count(files.length, 'file'), count(templates.length, 'template')].join(' from ');
  const found =
    problems.length === 0
      ? 'nothing is wrong'
      : `${count(errors, 'error')}, ${count(problems.length - errors, 'warning')}`;
  process.stdout.write([...lines, `${counts}: ${found}`].map((text) => `${text}\n`).join(''));
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
