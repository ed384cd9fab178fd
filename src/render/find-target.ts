import { ConfetdError } from '../base/errors.js';
import type { Target } from './target.js';

/** Candidates that an error names. */
const MAX_NAMED = 20;

/**
 * The target of a destination, or else the one of a resource's name. Fails with `not_found`, which names what there is, or
 * with `invalid_argument` where the resource has several files.
 */
export function findTarget(targets: Iterable<Target>, dest: string, name = ''): Target {
  const all = [...targets];
  const atDest = all.find(({ resource }) => resource.dest === dest);
  if (atDest !== undefined) return atDest;
  const exactly = all.filter(({ resource }) => resource.name === name);
  // Those of a for_each go by the name of the resource that has it, too.
  const named = exactly.length > 0 ? exactly : all.filter(({ resource }) => resource.item?.of === name);
  if (named.length > 1) {
    const dests = list(named.map(({ resource }) => resource.dest));
    throw new ConfetdError(
      'invalid_argument',
      `resource ${name} has ${named.length} files: name one: ${dests}`,
    );
  }
  const [only] = named;
  if (only !== undefined) return only;
  if (all.length === 0)
    throw new ConfetdError('not_found', `no resource has dest ${dest}: conf.d declares none`);
  const known = list(all.map(({ resource }) => resource.dest));
  throw new ConfetdError('not_found', `no resource has dest ${dest}; there are: ${known}`);
}

function list(dests: readonly string[]): string {
  const more = dests.length - MAX_NAMED;
  const shown = dests.slice(0, MAX_NAMED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}
