import { resolve } from 'node:path';
import type { Resource } from '../confdir/types.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { Previewer } from '../preview/previewer.js';
import { validateTemplates } from '../preview/validation.js';
import type { Config } from './config.js';
import { mockKeys } from './preview-ports.js';
import { renderPorts } from './render-ports.js';

/**
 * What is wrong with the resources' templates, by the file of conf.d: each is compiled, and where --mock-data names keys
 * rendered from them, for each item of a for_each, and looked at as a pass would. Nothing is written and no command run.
 * Fails with `source` where the mock data can't be read.
 */
export async function templateFaults(
  { flags }: Config,
  resources: readonly Resource[],
  log: Log,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const ports = renderPorts(new NodeClock(), log);
  const confdir = resolve(flags.confdir);
  const faults = new Map<string, string[]>();
  const add = (file: string, fault: string): void => {
    faults.set(file, [...(faults.get(file) ?? []), fault]);
  };
  const { failed } = await validateTemplates({ ports, confdir, resources, all: false });
  for (const [{ position }, error] of failed) add(position.file, error);
  if (flags['mock-data'] === '') return faults;
  // A few keys made up for a check are no reason to fail it.
  const sound = resources.filter((one) => !failed.has(one)).map((one) => ({ ...one, minEntries: 0 }));
  const { signal } = new AbortController();
  const snapshot = await mockKeys(flags['mock-data'], signal);
  const previewer = new Previewer({ ports, confdir, strict: flags.strict, signal });
  const moment = await previewer.at(snapshot, sound);
  for (const error of moment.errors) {
    const owner = sound.find(({ position }) => error.startsWith(`${position.file}:`));
    if (owner !== undefined) add(owner.position.file, error);
  }
  const files = await moment.render(() => true, { disk: false, alone: true });
  for (const { resource, error, held } of files) {
    const fault = error || held;
    if (fault !== '')
      add(resource.position.file, resource.item === undefined ? fault : `${resource.name}: ${fault}`);
  }
  for (const { forEach, name } of sound) {
    if (forEach === undefined || files.some(({ resource }) => resource.item?.of === name)) continue;
    log.warn({}, `${name}: the mock data has no item for ${forEach.glob}: not rendered`);
  }
  return faults;
}
