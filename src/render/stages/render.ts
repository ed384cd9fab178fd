import { createHash } from 'node:crypto';
import { bytesOf } from '../../base/byte-text.js';
import { ConfetdError } from '../../base/errors.js';
import { outermost } from '../../source/subtree.js';
import { NeedError, renderWithNeeds } from '../functions/needs.js';
import { Inputs } from '../inputs.js';
import { MirrorView } from '../key-view.js';
import type { Stamp } from '../state.js';
import type { Target } from '../target.js';
import type { KeyView, RenderContext, Template } from '../types.js';
import type { World } from '../world.js';

/** A text to bring to its destination. */
export interface Draft {
  /** Undefined: the file is to be gone. */
  readonly content: Buffer | undefined;
  readonly stamp: Stamp;
  readonly origin: string;
  /** Of the keys that it was rendered from. */
  readonly revision: number;
}

/** The destination is left as it is on purpose. */
export class Hold extends Error {
  override readonly name = 'Hold';
}

/**
 * Renders a resource from the keys as they are now. `@revision` and `datetime` move on only if a dependency has changed or
 * the text comes out another one: neither changes a file by itself, nor does a restart.
 */
export async function renderDraft(target: Target, touched: boolean, world: World): Promise<Draft> {
  const { template, resource, stateError } = target;
  if (stateError !== undefined) throw new ConfetdError('data_folder', stateError);
  if (template === undefined) {
    throw new ConfetdError('template', target.templateError ?? `Missing template: ${resource.srcPath}`);
  }
  refuseBackwards(target, world);
  refuseTooFew(target, world);
  if (touched) target.answers.clear();
  if (!touched && target.stamp !== undefined) {
    const draft = await renderAt(target, template, target.stamp, world);
    if (draft.stamp.sha256 === target.stamp.sha256) return draft;
  }
  const now = { revision: world.mirror.revision, nowMs: world.ports.clock.wallMs() };
  const draft = await renderAt(target, template, now, world);
  target.stamp = draft.stamp;
  return draft;
}

async function renderAt(
  target: Target,
  template: Template,
  at: Omit<Stamp, 'sha256'>,
  world: World,
): Promise<Draft> {
  const { mirror, ports, pass } = world;
  const { origin, revision } = mirror;
  const inputs = new Inputs();
  target.inputs = inputs;
  const contextOf = (view: MirrorView): RenderContext => ({
    keys: at.revision === view.revision ? view : stampedView(view, at.revision),
    env: inputs.watch(environmentOf(target, ports.env)),
    src: target.resource.src,
    dest: target.resource.dest,
    ...(target.resource.item === undefined ? {} : { item: target.resource.item }),
    nowMs: at.nowMs,
    deadlineMs: ports.clock.monotonicMs() + target.resource.renderTimeoutMs,
    maxBytes: target.resource.maxOutputBytes,
    monotonicMs: () => ports.clock.monotonicMs(),
    answers: target.answers,
    asked: inputs.asked,
  });
  const beganAtMs = ports.clock.monotonicMs();
  target.renders++;
  const view = new MirrorView(mirror, target.resource);
  // At once, so that a render which fails is tried again when what it asked for changes.
  target.dependencies = view.dependencies;
  let text: string;
  try {
    text = template.render(contextOf(view));
  } catch (error) {
    if (!(error instanceof NeedError)) throw error;
    // From here on time passes: the keys have to stand still for this render, and go on for the others.
    const still = new MirrorView(mirror.clone(), target.resource);
    target.rendering = true;
    try {
      const { clock } = ports;
      const limits = { timeoutMs: pass.lookupTimeoutMs, clock, answers: target.answers };
      const signal = world.stopping;
      text = (await renderWithNeeds(template, contextOf(still), ports.resolver, { ...limits, signal })).text;
    } finally {
      target.rendering = false;
      target.dependencies = still.dependencies;
    }
  } finally {
    const tookMs = ports.clock.monotonicMs() - beganAtMs;
    target.renderMs += tookMs;
    world.meters.observe('render', tookMs);
  }
  const content = bytesOf(text);
  return { content, stamp: { ...at, sha256: sha256(content) }, origin, revision };
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Templates of either language find the item of a for_each in their environment. */
export function environmentOf(
  { resource: { item } }: Target,
  env: RenderContext['env'],
): RenderContext['env'] {
  return item === undefined ? env : { ...env, CONFETD_ITEM: item.key, CONFETD_NAME: item.name };
}

/** The keys of one revision under the number of an earlier one, since which nothing changed for this template. */
function stampedView(view: KeyView, revision: number): KeyView {
  return {
    revision,
    ...(view.missingKey === undefined ? {} : { missingKey: view.missingKey }),
    get: (key) => view.get(key),
    glob: (pattern) => view.glob(pattern),
    ls: (path) => view.ls(path),
    lsdir: (path) => view.lsdir(path),
  };
}

/** Whether a source's revisions go on from one process to the next, so that a lower one is an older one. */
function hasHistory(origin: string): boolean {
  // A cluster's ID has no colon; `file:…`, `redis:…` and such count anew in each process.
  return origin !== '' && origin !== 'env' && !origin.includes(':');
}

/** Holds what would take a file back to another history, or an earlier point of its own. */
export function refuseBackwards(target: Target, { mirror }: World): void {
  const { state, resource } = target;
  const origin = state.swap?.origin ?? state.origin;
  const revision = Math.max(state.swap?.revision ?? 0, state.applied?.revision ?? 0);
  target.behind = hasHistory(origin) && (origin !== mirror.origin || mirror.revision < revision);
  if (!target.behind) return;
  const release = `confetctl render accept ${resource.dest} takes it as it is`;
  if (origin !== mirror.origin) {
    throw new Hold(
      `source is behind: the file is of cluster ${origin}, this is ${mirror.origin}; ${release}`,
    );
  }
  throw new Hold(
    `source is behind: the file is of revision ${revision}, this is ${mirror.revision}; ${release}`,
  );
}

function refuseTooFew(target: Target, { mirror }: World): void {
  const { minEntries, subtrees, dest } = target.resource;
  target.guarded = false;
  if (minEntries === 0) return;
  let count = 0;
  for (const subtree of outermost(subtrees)) {
    if (subtree !== '' && mirror.get(subtree) !== undefined) count++;
    mirror.scan(subtree === '' ? '' : `${subtree}/`, () => ++count < minEntries);
    if (count >= minEntries) return;
  }
  target.guarded = true;
  throw new Hold(
    `${count} of at least ${minEntries} entries (min_entries) under ${subtrees.join(', ') || '/'}: ${dest} is left as it is`,
  );
}
