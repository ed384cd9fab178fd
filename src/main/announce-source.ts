import type { Log } from '../io/log.js';
import type { SourceSpec } from '../render/messages.js';

/** confd's first lines. */
export function announceSource(backend: string, spec: SourceSpec, log: Log): void {
  if (spec.type === 'embedded') return;
  log.info({}, `Backend set to ${backend === 'embedded' ? spec.type : backend}`);
  log.info({}, 'Starting confd');
  log.info({}, `Backend source(s) set to ${placesOf(spec).join(', ')}`);
}

/** Where keys come from, in words; without passwords. */
export function placesOf(spec: SourceSpec): readonly string[] {
  if (spec.type === 'file') return spec.paths;
  if (spec.type === 'etcdv3') return spec.endpoints;
  if (!('nodes' in spec)) return ['the environment'];
  // A URL may hold a password.
  return spec.nodes.map((node) => node.replace(/\/\/[^@/]*@/, '//'));
}
