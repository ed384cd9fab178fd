import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { systemCode } from '../base/errors.js';
import type { ChildEnd, Ports } from '../cli/confetctl/ports.js';
import { runConfetctl } from '../cli/confetctl/run.js';
import type { Output } from '../cli/output/format.js';
import { NodeClock } from '../io/node/clock.js';
import { NodeRandom } from '../io/node/random.js';
import { interruptible } from './interruptible.js';

const ports: Ports = {
  clock: new NodeClock(),
  random: new NodeRandom(),
  env: process.env,
  // Opened when first read: a command that reads nothing doesn't touch the terminal.
  stdin: { [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() },
  stdout: (output) => write(process.stdout, output),
  stderr: (text) => write(process.stderr, text),
  status: interruptible(process.stderr),
  readFile: (path) => readFile(path),
  execute,
  interruption,
};

// `confetctl get … | head -1`: nobody reads on, which is no error.
process.stdout.on('error', (error) => {
  process.exit(systemCode(error) === 'EPIPE' ? 0 : 1);
});

// grpc-js names an IP address as its TLS server, of which Node warns at each command.
process.noDeprecation = true;

const exitCode = await runConfetctl(process.argv.slice(2), ports);
// Not left to the event loop: a terminal that was read from would keep it alive.
process.stdout.write('', () => process.exit(exitCode));

function write(stream: NodeJS.WriteStream, output: Output): Promise<void> {
  return new Promise((resolve) => {
    stream.write(output, () => resolve());
  });
}

function execute(command: readonly string[], env: Readonly<Record<string, string>>): Promise<ChildEnd> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    child.once('error', (error) => {
      const reason = systemCode(error) === 'ENOENT' ? 'no such file or directory' : error.message;
      resolve({ failure: `fork/exec ${program}: ${reason}` });
    });
    child.once('exit', (code, signal) => {
      resolve(code === null ? { signal: signal ?? 'unknown' } : { exitCode: code });
    });
  });
}

function interruption(): AbortSignal {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return abort.signal;
}
