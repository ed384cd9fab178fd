import { access } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfetdError, messageOf } from '../base/errors.js';
import { formatProblem, load } from '../confdir/load.js';
import type { Generation, Problem, Resource } from '../confdir/types.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { NodeRandom } from '../io/node/random.js';
import { openSource } from '../render/open-source.js';
import type { Source } from '../source/types.js';
import { announceSource } from './announce-source.js';
import { type Config, confdirOptions } from './config.js';
import { onetimeSourceSpec } from './source-spec.js';
import { withSrvNodes } from './srv.js';
import { plainLog } from './text-log.js';

/** What is wrong with each file that was looked at. */
type Faults = ReadonlyMap<string, readonly string[]>;

/**
 * --check-config, --validate and --preflight, as the active fork of confd has them: each file with a line `OK: FILE` or
 * its errors, and a sum. Nothing is written. Answers the exit code: 1 if anything is wrong.
 */
export async function checks(config: Config): Promise<number> {
  const { flags } = config;
  const log = plainLog(config);
  for (const warning of config.warnings) log.warn({}, warning);
  const generation = await load(flags.confdir, confdirOptions(flags));
  if (flags.preflight) return await preflight(config, generation, log);
  const only = flags.resource === '' ? undefined : await resourceFile(flags.confdir, flags.resource);
  for (const problem of generation.problems) {
    if (problem.severity === 'warning' && isWanted(problem.file, only)) log.warn({}, formatProblem(problem));
  }
  const faults = new Map<string, string[]>();
  for (const file of filesOf(generation)) if (isWanted(file, only)) faults.set(file, []);
  for (const problem of generation.problems.filter((one) => isFault(one, flags.strict))) {
    if (isWanted(problem.file, only))
      faults.set(problem.file, [...(faults.get(problem.file) ?? []), formatProblem(problem)]);
  }
  for (const resource of generation.resources) {
    const own = faults.get(resource.position.file);
    if (flags['check-config']) own?.push(...(await pathFaults(resource)));
  }
  if (flags.validate) {
    const { templateFaults } = await import('./template-checks.js');
    for (const [file, found] of await templateFaults(config, generation.resources, log)) {
      faults.get(file)?.push(...found);
    }
  }
  return sum(faults, flags['check-config'] ? 'Validation' : 'Template validation', log);
}

function sum(faults: Faults, what: string, log: Log): number {
  for (const [file, found] of faults) {
    for (const fault of found) log.error({}, fault);
    if (found.length === 0) log.info({}, `OK: ${file}`);
  }
  const passed = [...faults.values()].filter((found) => found.length === 0).length;
  log.info({}, `${what} complete: ${passed}/${faults.size} files passed`);
  return passed === faults.size ? 0 : 1;
}

/** The backend is asked once for each resource's keys. */
async function preflight(config: Config, generation: Generation, log: Log): Promise<number> {
  log.info({}, 'Running pre-flight checks...');
  const flags = await withSrvNodes(config.flags, log);
  const spec = onetimeSourceSpec(flags);
  announceSource(flags.backend, spec, log);
  let failed = 0;
  for (const problem of generation.problems) {
    if (isFault(problem, flags.strict)) failed++;
    log[problem.severity === 'error' ? 'error' : 'warn']({}, formatProblem(problem));
  }
  const clock = new NodeClock();
  const embedded = (): never => {
    throw new ConfetdError('internal', 'a check has no member of its own');
  };
  const source = await openSource(spec, { clock, random: new NodeRandom(), env: process.env, embedded });
  const abort = new AbortController();
  const timer = clock.schedule(flags.timeout, () => abort.abort());
  try {
    log.info({}, `Templates: ${generation.resources.length} loaded`);
    for (const resource of generation.resources) {
      if (!(await hasKeys(resource, source, abort.signal, log))) failed++;
    }
  } finally {
    timer.cancel();
    await source.close();
  }
  if (failed > 0) log.error({}, `Pre-flight checks failed: ${failed}`);
  else log.info({}, 'Pre-flight checks completed successfully');
  return failed > 0 ? 1 : 0;
}

/** False: the backend doesn't answer. No keys at all are only worth a warning. */
async function hasKeys(
  { src, prefix, subtrees }: Resource,
  source: Source,
  signal: AbortSignal,
  log: Log,
): Promise<boolean> {
  try {
    const { pairs } = await source.load(subtrees, signal);
    if (pairs.length > 0) log.info({}, `${src}: ${pairs.length} keys found`);
    else log.warn({}, `${src}: no keys found under ${subtrees.join(', ') || prefix || '/'}`);
    return true;
  } catch (error) {
    log.error({}, `${src}: ${messageOf(error)}`);
    return false;
  }
}

/** What confd finds out only when it renders. */
async function pathFaults({ position, srcPath, dest, createDestDirs }: Resource): Promise<string[]> {
  const faults: string[] = [];
  const at = formatPlace(position);
  if (!(await exists(srcPath))) faults.push(`${at}: Missing template: ${srcPath}`);
  if (!createDestDirs && !(await exists(dirname(dest)))) {
    faults.push(
      `${at}: the folder ${dirname(dest)} of dest ${dest} doesn't exist: make it, or write create_dest_dirs = true`,
    );
  }
  return faults;
}

function formatPlace({ file, line, column }: Resource['position']): string {
  return line === 0 ? file : `${file}:${line}:${column}`;
}

function filesOf({ resources, hooks, problems }: Generation): readonly string[] {
  const files = [
    ...[...resources, ...hooks].map(({ position }) => position.file),
    ...problems.filter(({ severity }) => severity === 'error').map(({ file }) => file),
  ];
  return [...new Set(files)].sort();
}

function isFault({ severity }: Problem, strict: boolean): boolean {
  return severity === 'error' || strict;
}

function isWanted(file: string, only: string | undefined): boolean {
  return only === undefined || file === only;
}

/** Fails with `config` where there is no such file. */
export async function resourceFile(confdir: string, name: string): Promise<string> {
  const path = isAbsolute(name) ? name : join(resolve(confdir, 'conf.d'), name);
  if (await exists(path)) return path;
  throw new ConfetdError('config', `resource file not found: ${path}`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
