import { type Reserved, settleOwnership } from './ownership.js';
import { isWithin } from './paths.js';
import type { Generation } from './types.js';

/**
 * The generation to put in force after a change: where a file is broken now, what it last said well stays. A resource
 * refused for its destination is not kept, so that the outcome doesn't depend on which of two claimants came first.
 */
export async function carryOver(
  inForce: Generation,
  loaded: Generation,
  reserved: readonly Reserved[],
): Promise<Generation> {
  const broken = loaded.problems.filter(({ severity }) => severity === 'error').map(({ file }) => file);
  const settled = new Set(
    [...loaded.resources, ...loaded.hooks, ...(loaded.refused ?? [])].map(({ position }) => position.file),
  );
  // A problem may be of a folder: of everything under it, then.
  const kept = <T extends { position: { file: string } }>(items: readonly T[]): T[] =>
    items.filter(
      ({ position: { file } }) => !settled.has(file) && broken.some((path) => isWithin(path, file)),
    );
  const { owners, refused, problems } = await settleOwnership(
    [...loaded.resources, ...kept(inForce.resources)],
    reserved,
  );
  return {
    resources: owners,
    hooks: [...loaded.hooks, ...kept(inForce.hooks)],
    problems: [...loaded.problems, ...problems],
    refused: [...(loaded.refused ?? []), ...refused],
  };
}
