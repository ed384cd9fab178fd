import { ConfetdError } from '../base/errors.js';
import type { RenderFiles } from '../render/files.js';

/** What only looks. Everything else, whatever comes to be, counts as writing. */
const LOOKS: ReadonlySet<PropertyKey> = new Set<keyof RenderFiles>([
  'resolve',
  'read',
  'list',
  'version',
  'process',
  'isRunning',
]);

/** A file system that is looked at and not touched: whatever would write fails, wherever it is called from. */
export function readOnly(files: RenderFiles): RenderFiles {
  return new Proxy(files, {
    get(target, name) {
      if (!LOOKS.has(name)) return refusal(String(name));
      const found: unknown = Reflect.get(target, name, target);
      // Private fields are the target's own.
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

function refusal(step: string): () => Promise<never> {
  return async () => {
    throw new ConfetdError('internal', `a preview was about to ${step} a file: it must not write`);
  };
}
