import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepTrackOf, makeFolder, removeFolder } from '../../children.js';
import { LoadClient } from '../../grpc-load.js';
import type { Bench } from '../../plan.js';
import { below } from '../../report.js';
import { confetdCommand, Server } from '../../servers.js';
import { within } from '../../wait.js';
import { destination, writeConfdir } from './confdir.js';

const UPSTREAMS = 500;
const SERVERS = 100;
const LIMIT_MS = 60_000;

const TEMPLATE = `{{#each (lsdir "/services") as |service|}}
upstream {{service}} {
{{#each (gets (printf "/services/%s/*" service)) as |instance|}}
  server {{instance.value}};
{{/each}}
}
{{/each}}
`;

function* pairs(): Generator<readonly [string, string]> {
  for (let upstream = 0; upstream < UPSTREAMS; upstream++) {
    const service = `web-${String(upstream).padStart(3, '0')}`;
    for (let server = 0; server < SERVERS; server++) {
      yield [`/services/${service}/${server}`, `10.${upstream >> 8}.${upstream & 255}.${server}:8080`];
    }
  }
}

/** A one-shot as a whole process, from its start to its end, against each store in turn. */
export async function onetime(bench: Bench): Promise<void> {
  for (const kind of bench.kinds) {
    await bench.attempt(`one-shot from ${kind}`, kind, async () => {
      const server = await Server.start(kind);
      try {
        const client = await LoadClient.connect(server.endpoint, 4);
        try {
          await within(LIMIT_MS, '50,000 keys', client.loadAll(pairs()));
        } finally {
          client.close();
        }
        const name = `one-shot, 50,000 keys in 500 upstreams, from ${kind}`;
        const figure = { name, unit: 's', better: 'lower', mark: below(0.4, 's') } as const;
        bench.report.add(figure, 'confetd', await run(server.endpoint));
      } finally {
        await server.remove();
      }
    });
  }
}

/** Answers seconds, once the file was seen to be whole. */
async function run(endpoint: string): Promise<number> {
  const folder = await makeFolder('onetime');
  try {
    await writeConfdir(folder, [{ name: 'upstreams.conf', keys: ['/services'], template: TEMPLATE }]);
    const flags = [
      '--onetime',
      '--backend=etcdv3',
      `--node=http://${endpoint}`,
      `--confdir=${folder}`,
      `--state-dir=${join(folder, 'state')}`,
      '--timeout=30s',
    ];
    let output = '';
    const began = performance.now();
    const child = spawn(process.execPath, [confetdCommand, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder,
    });
    keepTrackOf(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-2048);
      });
    }
    const exit = once(child, 'exit');
    const [code] = await within(LIMIT_MS, 'the one-shot', exit).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    const seconds = (performance.now() - began) / 1000;
    if (code !== 0) throw new Error(`the one-shot ended with ${code}: ${output}`);
    const rendered = await readFile(destination(folder, 'upstreams.conf'), 'utf8');
    const servers = rendered.match(/^ {2}server /gm)?.length ?? 0;
    if (servers !== UPSTREAMS * SERVERS) throw new Error(`the file has ${servers} servers`);
    return seconds;
  } finally {
    await removeFolder(folder);
  }
}
