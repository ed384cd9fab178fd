import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run sim -- [--seed N | --seeds COUNT [--from N]] [--profile NAME] [--workers N] [--trace] [--hashes]
  --seed N      replay one seed; with --trace every event is printed, one line each
  --seeds COUNT run that many seeds, from --from (default 1) on
  --profile     all seeds with this mixture of faults, instead of the one each draws
  --workers N   threads (default 2)
  --planted     plant each of the faults of planted/, and say which seed finds it
  --hashes      print each seed's profile and the hash of its trace
`;

export interface Arguments {
  readonly seeds: readonly number[];
  readonly profile: string | undefined;
  readonly workers: number;
  readonly trace: boolean;
  readonly hashes: boolean;
  readonly planted: boolean;
}

/** Undefined: they make no sense. */
export function parseArguments(args: readonly string[]): Arguments | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', multiple: true },
      seeds: { type: 'string' },
      from: { type: 'string' },
      profile: { type: 'string' },
      workers: { type: 'string' },
      trace: { type: 'boolean' },
      hashes: { type: 'boolean' },
      planted: { type: 'boolean' },
    },
  });
  const count = Number(values.seeds ?? (values.seed === undefined ? 100 : 0));
  const from = Number(values.from ?? 1);
  const seeds = [...(values.seed ?? []).map(Number), ...Array.from({ length: count }, (_, at) => from + at)];
  const workers = Number(values.workers ?? 2);
  if (seeds.length === 0 || ![...seeds, workers].every((each) => Number.isSafeInteger(each) && each >= 0))
    return undefined;
  return {
    seeds,
    profile: values.profile,
    workers: Math.max(workers, 1),
    trace: values.trace ?? false,
    hashes: values.hashes ?? false,
    planted: values.planted ?? false,
  };
}
