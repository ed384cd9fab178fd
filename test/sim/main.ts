import { parseArguments, USAGE } from './arguments.js';
import { runMany } from './pool.js';
import { describeFinding, Summary } from './report.js';
import { type Result, runSeed } from './run.js';

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const print = options.trace ? (line: string) => process.stdout.write(`${line}\n`) : undefined;
  const summary = new Summary();
  const done = (result: Result) => {
    summary.add(result);
    if (options.hashes) process.stdout.write(`${result.seed} ${result.profile} ${result.hash}\n`);
    if (result.finding !== undefined) process.stdout.write(describeFinding(result));
  };
  if (options.seeds.length === 1)
    done(await runSeed(options.seeds[0] as number, { profile: options.profile, print }));
  else await runMany(options, done);
  process.stdout.write(`${summary.line()}\n`);
  return summary.failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
