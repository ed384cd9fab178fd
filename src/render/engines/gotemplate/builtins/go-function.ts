import type { Value } from '../../../functions/values.js';
import type { GoType } from '../go-types.js';
import type { Run } from '../run.js';

/** A function as Go templates see it: arguments are checked against its types before it runs. */
export interface GoFunction {
  readonly name: string;
  readonly fixed: readonly GoType[];
  /** Any number more of this type. */
  readonly variadic: GoType | undefined;
  /** Throws a FunctionError, which becomes `error calling name: …`. */
  run(run: Run, args: readonly Value[]): Value;
}

export function variadic(
  name: string,
  fixed: readonly GoType[],
  rest: GoType,
  run: GoFunction['run'],
): GoFunction {
  return { name, fixed, variadic: rest, run };
}
