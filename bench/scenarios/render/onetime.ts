import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, removeFolder } from '../../children.js';
import { LoadClient } from '../../grpc-load.js';
import type { Bench } from '../../plan.js';
import { below } from '../../report.js';
import { Server } from '../../servers.js';
import { within } from '../../wait.js';
import { destination, writeConfdir } from './confdir.js';
import { runToEnd } from './process.js';

const UPSTREAMS = 500;
const SERVERS = 100;
const LIMIT_MS = 60_000;
const FILE = 'upstreams.conf';

/** One upstream a service, one line a server: the same file in either language. */
const LANGUAGES = {
  hbs: {
    limitSeconds: 0.4,
    template: `{{#each (lsdir "/services") as |service|}}
upstream {{service}} {
{{#each (gets (printf "/services/%s/*" service)) as |instance|}}
  server {{instance.value}};
{{/each}}
}
{{/each}}
`,
  },
  // confd itself takes 1.57 s for this one.
  tmpl: {
    limitSeconds: 0.5,
    template: `{{range $service := lsdir "/services"}}
upstream {{$service}} {
{{range gets (printf "/services/%s/*" $service)}}
  server {{.Value}};
{{end}}
}
{{end}}
`,
  },
} as const;

type Language = keyof typeof LANGUAGES;

function* pairs(): Generator<readonly [string, string]> {
  for (let upstream = 0; upstream < UPSTREAMS; upstream++) {
    const service = `web-${String(upstream).padStart(3, '0')}`;
    for (let server = 0; server < SERVERS; server++) {
      yield [`/services/${service}/${server}`, `10.${upstream >> 8}.${upstream & 255}.${server}:8080`];
    }
  }
}

/** A one-shot as a whole process, from its start to its end, against each store in turn and from a file. */
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
        for (const language of ['hbs', 'tmpl'] as const) {
          const source = ['--backend=etcdv3', `--node=http://${server.endpoint}`];
          report(bench, language, kind, await run(language, source));
        }
      } finally {
        await server.remove();
      }
    });
  }
  const folder = await makeFolder('onetime');
  try {
    const file = join(folder, 'keys.json');
    await writeFile(file, JSON.stringify(tree()));
    for (const language of ['hbs', 'tmpl'] as const)
      report(bench, language, 'a file', await run(language, ['--backend=file', `--file=${file}`]));
  } finally {
    await removeFolder(folder);
  }
}

function report(bench: Bench, language: Language, source: string, seconds: number): void {
  const name = `one-shot, .${language}, 50,000 keys in 500 upstreams, from ${source}`;
  const mark = below(LANGUAGES[language].limitSeconds, 's');
  bench.report.add({ name, unit: 's', better: 'lower', mark }, 'confetd', seconds);
}

/** The pairs as the file backend takes them. */
function tree(): Record<string, Record<string, Record<string, string>>> {
  const services: Record<string, Record<string, string>> = {};
  for (const [key, value] of pairs()) {
    const [, , service, server] = key.split('/') as [string, string, string, string];
    services[service] = { ...services[service], [server]: value };
  }
  return { services };
}

/** Answers seconds, once the file was seen to be whole. */
async function run(language: Language, source: readonly string[]): Promise<number> {
  const folder = await makeFolder('onetime');
  try {
    const { template } = LANGUAGES[language];
    await writeConfdir(folder, [{ name: FILE, keys: ['/services'], template, engine: language }]);
    const seconds = await runToEnd(folder, [
      '--onetime',
      ...source,
      `--confdir=${folder}`,
      `--state-dir=${join(folder, 'state')}`,
      '--timeout=30s',
    ]);
    const rendered = await readFile(destination(folder, FILE), 'utf8');
    const servers = rendered.match(/^ {2}server /gm)?.length ?? 0;
    if (servers !== UPSTREAMS * SERVERS) throw new Error(`the file has ${servers} servers`);
    return seconds;
  } finally {
    await removeFolder(folder);
  }
}
