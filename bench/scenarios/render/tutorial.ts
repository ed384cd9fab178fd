import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, removeFolder } from '../../children.js';
import { LoadClient } from '../../grpc-load.js';
import { PATHS, put } from '../../messages.js';
import type { Bench } from '../../plan.js';
import { exactly } from '../../report.js';
import { root, Server } from '../../servers.js';
import { runToEnd } from './process.js';

const FIXTURES = join(root, 'test/fixtures/gotemplate');
const DEST = '/tmp/myapp.conf';

const PAIRS = [
  ['/docker/node/n111', '192.168.100.111'],
  ['/docker/node/n112', '192.168.100.112'],
  ['/docker/node/n113', '192.168.100.113'],
  ['/docker/service/s01', '1005'],
  ['/docker/service/s02', '1007'],
] as const;

/** A confd tutorial's nginx example, its template unchanged: the bytes that differ from confd's own file. */
export async function tutorial(bench: Bench): Promise<void> {
  const wanted = await readFile(join(FIXTURES, 'tutorial-nginx.conf'));
  for (const kind of bench.kinds) {
    await bench.attempt(`tutorial from ${kind}`, kind, async () => {
      const server = await Server.start(kind);
      const folder = await makeFolder('tutorial');
      try {
        const client = await LoadClient.connect(server.endpoint);
        try {
          for (const [key, value] of PAIRS) await client.call(PATHS.put, put(key, value));
        } finally {
          client.close();
        }
        const dest = await writeTutorial(folder);
        await runToEnd(folder, [
          '-onetime',
          ...['-backend', 'etcdv3', '-node', `http://${server.endpoint}`, '-confdir', folder],
        ]);
        const made = await readFile(dest);
        const name = `the tutorial's nginx example, from ${kind}`;
        bench.report.add(
          { name: `${name}: size`, unit: 'bytes', better: 'lower', mark: exactly(wanted.length) },
          'confetd',
          made.length,
        );
        bench.report.add(
          { name: `${name}: differs from confd's`, unit: '0 or 1', better: 'lower', mark: exactly(0) },
          'confetd',
          made.equals(wanted) ? 0 : 1,
        );
      } finally {
        await removeFolder(folder);
        await server.remove();
      }
    });
  }
}

/** Only the destination is another one, in this folder. Answers where it is. */
async function writeTutorial(folder: string): Promise<string> {
  const dest = join(folder, 'myapp.conf');
  for (const name of ['conf.d', 'templates']) await mkdir(join(folder, name));
  const resource = await readFile(join(FIXTURES, 'tutorial-nginx.toml'), 'utf8');
  if (!resource.includes(JSON.stringify(DEST))) throw new Error(`the tutorial's dest isn't ${DEST}`);
  await writeFile(
    join(folder, 'conf.d/nginx.toml'),
    resource.replace(JSON.stringify(DEST), JSON.stringify(dest)),
  );
  await writeFile(
    join(folder, 'templates/nginx.tmpl'),
    await readFile(join(FIXTURES, 'tutorial-nginx.tmpl')),
  );
  return dest;
}
