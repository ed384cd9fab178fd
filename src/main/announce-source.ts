import type { Log } from '../io/log.js';
import type { SourceSpec } from '../render/messages.js';

/** confd's first lines. */
export function announceSource(backend: string, spec: SourceSpec, log: Log): void {
  if (spec.type === 'embedded') return;
  log.info({}, `Backend set to ${backend === 'embedded' ? spec.type : backend}`);
  log.info({}, 'Starting confd');
  log.info({}, `Backend source(s) set to ${placesOf(spec).join(', ')}`);
}

function placesOf(spec: SourceSpec): readonly string[] {
  switch (spec.type) {
    case 'embedded':
    case 'env':
      return ['the environment'];
    case 'file':
      return spec.paths;
    case 'etcdv3':
      return spec.endpoints;
    default:
      // A URL may hold a password.
      return spec.nodes.map((node) => node.replace(/\/\/[^@/]*@/, '//'));
  }
}
