import { isWithin, realPath } from './paths.js';
import type { Problem, Resource } from './types.js';

/** A folder where no destination may lie, and what to call it. */
export interface Reserved {
  readonly folder: string;
  /** `the templates folder`, … */
  readonly name: string;
}

/**
 * Gives each destination (its real path, links followed) one owner. Of two claimants both are refused, whatever the order,
 * and so is a destination inside a reserved folder.
 */
export async function settleOwnership(
  resources: readonly Resource[],
  reserved: readonly Reserved[],
): Promise<{ owners: readonly Resource[]; refused: readonly Resource[]; problems: readonly Problem[] }> {
  const realReserved = await Promise.all(
    reserved.map(async ({ folder, name }) => ({ folder: await realPath(folder), name })),
  );
  const claims = await Promise.all(
    resources.map(async (resource) => ({
      resource,
      dest: await realPath(resource.dest),
    })),
  );
  const byDest = new Map<string, Resource[]>();
  for (const { resource, dest } of claims) byDest.set(dest, [...(byDest.get(dest) ?? []), resource]);

  const owners: Resource[] = [];
  const refused: Resource[] = [];
  const problems: Problem[] = [];
  for (const { resource, dest } of claims) {
    const rivals = (byDest.get(dest) ?? []).filter((other) => other !== resource);
    const inside = realReserved.find(({ folder }) => isWithin(folder, dest));
    if (rivals.length === 0 && inside === undefined) {
      owners.push(resource);
      continue;
    }
    refused.push(resource);
    const others = rivals.map(({ position }) => `${position.file}:${position.line}`).join(', ');
    const message =
      inside === undefined
        ? `dest ${resource.dest} is claimed by ${others} too: neither is rendered until one is changed`
        : `dest ${resource.dest} lies inside ${inside.name} ${inside.folder}: choose another place`;
    problems.push({ severity: 'error', ...resource.position, message });
  }
  return { owners, refused, problems };
}
