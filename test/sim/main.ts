import { parseArguments, USAGE } from './arguments.js';
import { huntAll, runMany } from './pool.js';
import { describeFinding, describeHunt, Summary } from './report.js';
import { type Result, runSeed } from './run.js';

const write = (text: string) => process.stdout.write(text);

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (options.planted) return await plantAll(options.workers);
  const print = options.trace ? (line: string) => write(`${line}\n`) : undefined;
  const summary = new Summary();
  const done = (result: Result) => {
    summary.add(result);
    if (options.hashes) write(`${result.seed} ${result.profile} ${result.hash}\n`);
    if (result.finding !== undefined) write(describeFinding(result));
  };
  if (options.seeds.length === 1)
    done(await runSeed(options.seeds[0] as number, { profile: options.profile, print }));
  else await runMany(options, done);
  write(`${summary.line()}\n`);
  return summary.failed.length === 0 ? 0 : 1;
}

/** Each planted fault must be found. */
async function plantAll(workers: number): Promise<number> {
  let missed = 0;
  await huntAll(workers, (name, result) => {
    write(`${describeHunt(name, result)}\n`);
    if (result === undefined) missed++;
  });
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
