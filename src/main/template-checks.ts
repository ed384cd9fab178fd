import { resolve } from 'node:path';
import { messageOf } from '../base/errors.js';
import { instanceOf } from '../confdir/for-each.js';
import type { Resource } from '../confdir/types.js';
import type { Log } from '../io/log.js';
import { NodeClock } from '../io/node/clock.js';
import { NodeRandom } from '../io/node/random.js';
import { Answers, renderWithNeeds } from '../render/functions/needs.js';
import { itemsOf } from '../render/items.js';
import { MirrorView } from '../render/key-view.js';
import { openSource } from '../render/open-source.js';
import { validate } from '../render/stages/validate.js';
import { Templates } from '../render/templates.js';
import type { Template } from '../render/types.js';
import { DEFAULT_PASS, type RenderPorts } from '../render/world.js';
import { Mirror } from '../source/mirror.js';
import type { Config } from './config.js';
import { renderPorts } from './render-ports.js';

/**
 * What is wrong with the resources' templates, by the file of conf.d: each is compiled, and where --mock-data names keys
 * rendered from them, for each item of a for_each, and looked at as a pass would. Nothing is written and no command run. Fails with `source` where the mock data can't be read.
 */
export async function templateFaults(
  { flags }: Config,
  resources: readonly Resource[],
  log: Log,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const clock = new NodeClock();
  const ports = renderPorts(clock, log);
  const templates = new Templates(resolve(flags.confdir, 'templates'), ports.files, (extension) =>
    ports.engine(extension),
  );
  const mirror = flags['mock-data'] === '' ? undefined : await mockKeys(resolve(flags['mock-data']));
  const faults = new Map<string, string[]>();
  for (const resource of resources) {
    const compiled = await templates.compile(resource.srcPath);
    const fault =
      compiled.template === undefined
        ? compiled.error
        : mirror && (await renderFaultOf(resource, compiled.template, mirror, ports));
    const { file } = resource.position;
    if (fault !== undefined) faults.set(file, [...(faults.get(file) ?? []), fault]);
  }
  return faults;
}

async function mockKeys(path: string): Promise<Mirror> {
  const ports = { clock: new NodeClock(), random: new NodeRandom(), env: {} };
  const embedded = (): never => {
    throw new Error('mock data is a file');
  };
  const source = await openSource({ type: 'file', paths: [path] }, { ...ports, embedded });
  try {
    return new Mirror(await source.load([''], new AbortController().signal));
  } finally {
    await source.close();
  }
}

/** Of a `for_each`: the first item's that has one. */
async function renderFaultOf(
  resource: Resource,
  template: Template,
  mirror: Mirror,
  ports: RenderPorts,
): Promise<string | undefined> {
  if (resource.forEach === undefined) return await renderFault(resource, template, mirror, ports);
  const items = itemsOf(resource, mirror);
  if ('wrong' in items) return items.wrong;
  if (items.length === 0)
    ports.log.warn(
      {},
      `${resource.name}: the mock data has no item for ${resource.forEach.glob}: not rendered`,
    );
  for (const key of items) {
    const one = instanceOf(resource, key);
    if ('wrong' in one) return one.wrong;
    const fault = await renderFault(one, template, mirror, ports);
    if (fault !== undefined) return `${one.name}: ${fault}`;
  }
  return undefined;
}

async function renderFault(
  resource: Resource,
  template: Template,
  mirror: Mirror,
  { clock, env, resolver }: RenderPorts,
): Promise<string | undefined> {
  const answers = new Answers();
  const { item } = resource;
  const context = {
    keys: new MirrorView(mirror, resource),
    env: item === undefined ? env : { ...env, CONFETD_ITEM: item.key, CONFETD_NAME: item.name },
    src: resource.src,
    dest: resource.dest,
    ...(item === undefined ? {} : { item }),
    nowMs: clock.wallMs(),
    deadlineMs: clock.monotonicMs() + DEFAULT_PASS.renderTimeoutMs,
    maxBytes: DEFAULT_PASS.maxOutputBytes,
    monotonicMs: () => clock.monotonicMs(),
    answers,
  };
  const { signal } = new AbortController();
  try {
    const { text } = await renderWithNeeds(template, context, resolver, {
      timeoutMs: DEFAULT_PASS.lookupTimeoutMs,
      clock,
      answers,
      signal,
    });
    await validate(resource, Buffer.from(text));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
