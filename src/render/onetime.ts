import { dirname, join } from 'node:path';
import type { Reserved } from '../confdir/ownership.js';
import type { Resource } from '../confdir/types.js';
import { Mirror } from '../source/mirror.js';
import { outermost } from '../source/subtree.js';
import type { Source } from '../source/types.js';
import type { Activity } from './activity.js';
import type { RenderEvent } from './events.js';
import { Expansion } from './expansion.js';
import { Fleet } from './fleet.js';
import type { Lane } from './lane.js';
import { Meters } from './meters.js';
import { Pauses } from './pauses.js';
import type { PassResult } from './pipeline.js';
import { Slots } from './slots.js';
import { isRemoved } from './stages/removal.js';
import { StateFolder } from './state.js';
import { Templates } from './templates.js';
import { DEFAULT_PASS, type PassOptions, type RenderPorts, type World } from './world.js';

export interface OnceOptions {
  /** CONFDIR/templates. */
  readonly templates: string;
  /** Undefined: nothing is remembered of earlier runs, nor of this one. */
  readonly stateFolder: string | undefined;
  readonly pass?: Partial<PassOptions>;
  readonly onEvent?: (event: RenderEvent) => void;
  /** Told what is being done. */
  readonly onActivity?: (activity: Activity) => void;
  /** Ends it early; the source has to answer before. */
  readonly signal: AbortSignal;
}

export interface OnceFile {
  readonly resource: string;
  readonly dest: string;
  readonly status: 'in sync' | 'written' | 'would change' | 'held' | 'failed' | 'stopped';
  /** '' if all is well. */
  readonly error: string;
  /** With noop: what would change, as a unified diff. */
  readonly diff: string | undefined;
}

export interface OnceResult {
  /** False: something failed, is held or was cut off. */
  readonly ok: boolean;
  readonly revision: number;
  readonly files: readonly OnceFile[];
}

/**
 * One pass over all resources, going on after errors. Fails with a `source` error where the keys can't be loaded; the
 * destinations are untouched then.
 */
export async function renderOnce(
  resources: readonly Resource[],
  source: Pick<Source, 'load'>,
  ports: RenderPorts,
  options: OnceOptions,
): Promise<OnceResult> {
  const pass = { ...DEFAULT_PASS, ...options.pass };
  const mirror = new Mirror();
  const stateFolder = pass.noop ? undefined : options.stateFolder;
  const states = new StateFolder(ports.files, options.stateFolder, ports.log);
  const pauses = new Pauses({ states, clock: ports.clock, log: ports.log, onEnd: () => {} });
  const world: World = {
    ports,
    pass,
    states,
    pauses,
    meters: new Meters(),
    mirror,
    commands: new Slots(MAX_COMMANDS),
    stopping: options.signal,
    ended: options.signal,
    emit: options.onEvent ?? (() => {}),
    ...(options.onActivity === undefined ? {} : { activity: options.onActivity }),
  };
  const files: OnceFile[] = [];
  const take = (_lane: Lane, { results, reloaded }: PassResult): void => {
    if (reloaded !== undefined) {
      const { command, dests, ok, error, result } = reloaded;
      const { outcome, durationMs } = result;
      world.emit({ type: 'reload', command, dests, ok, outcome, durationMs, retryInMs: undefined });
      if (!ok) ports.log.error({ command, dests, outcome }, error);
    }
    for (const { target, status, reason, diff } of results) {
      target.tried = true;
      if (status === 'written' || status === 'in sync') target.phase = 'in_sync';
      const { name, dest } = target.resource;
      // A reload that fails is its files' failure: they are in place, but not in use.
      const failedReload = reloaded?.ok === false && reloaded.dests.includes(dest) ? reloaded.error : '';
      const error = reason === '' ? failedReload : reason;
      if (reason !== '') ports.log.error({ dest, resource: name }, reason);
      files.push({
        resource: name,
        dest,
        status: status !== 'held' && error !== '' ? 'failed' : status,
        error,
        diff,
      });
    }
  };
  const templates = new Templates(options.templates, ports.files, (extension) => ports.engine(extension));
  const fleet = new Fleet(world, templates, take);
  const [snapshot] = await Promise.all([
    source.load(outermost(resources.flatMap(({ subtrees }) => subtrees)), options.signal),
    stateFolder === undefined ? undefined : world.states.open(),
    // Templates are compiled while the keys are on their way.
    fleet.adopt(resources.filter(({ forEach }) => forEach === undefined)),
    pauses.load(),
  ]);
  mirror.load(snapshot);
  const expansion = new Expansion({
    files: ports.files,
    states,
    mirror,
    reserved: reservedOf(options.templates),
  });
  expansion.declare(resources);
  const expanded = await expansion.expand(() => true);
  for (const error of expanded.errors) ports.log.error({}, error);
  if (expansion.isNeeded) await fleet.adopt(expanded.resources);
  world.activity?.({ type: 'files', count: expanded.resources.length });
  const lanes = new Set<Lane>();
  for (const target of fleet.targets) {
    const lane = fleet.laneOf(target);
    lane.add(target);
    lanes.add(lane);
  }
  for (const lane of lanes) lane.start();
  await fleet.idle();
  pauses.close();
  for (const target of [...fleet.targets]) if (isRemoved(target)) await fleet.drop(target);
  const order = new Map(expanded.resources.map(({ dest }, at) => [dest, at]));
  files.sort((a, b) => (order.get(a.dest) ?? 0) - (order.get(b.dest) ?? 0));
  const complete = files.length === order.size;
  return {
    ok:
      complete &&
      expanded.errors.length === 0 &&
      files.every(({ error, status }) => error === '' && status !== 'stopped'),
    revision: snapshot.revision,
    files,
  };
}

const MAX_COMMANDS = 64;

/** The folders beside each other that no key may choose a file in. */
function reservedOf(templates: string): readonly Reserved[] {
  return [
    { folder: templates, name: 'the templates folder' },
    { folder: join(dirname(templates), 'conf.d'), name: 'the conf.d folder' },
  ];
}
