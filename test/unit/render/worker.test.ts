import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandRunner } from '../../../src/command/run.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeDisk } from '../../../src/io/node/disk.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { FileAccounts } from '../../../src/render/accounts.js';
import { HandlebarsEngine } from '../../../src/render/engines/handlebars/engine.js';
import type { RenderEvent } from '../../../src/render/events.js';
import type { WorkerSettings } from '../../../src/render/messages.js';
import { NodeRenderFiles } from '../../../src/render/node-files.js';
import { NodeResolver } from '../../../src/render/resolver.js';
import { type Companion, serveRenderer } from '../../../src/render/worker.js';
import { RenderHost } from '../../../src/render/worker-host.js';
import { FeedStore } from '../source/feed-store.js';

const clock = new NodeClock();
let folder: string;
let channel: MessageChannel;
let store: FeedStore;
let events: RenderEvent[];
/** Generations that a companion was given. */
let companions: number[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'confetd-worker-')));
  await mkdir(join(folder, 'conf.d'));
  await mkdir(join(folder, 'templates'));
  channel = new MessageChannel();
  store = new FeedStore();
  events = [];
  companions = [];
});

afterEach(async () => {
  channel.port1.close();
  await rm(folder, { recursive: true, force: true });
});

/** Both ends of a real port, in one thread, over the real file system, commands and Handlebars. */
function hostOf(): RenderHost {
  const companion = (): Companion => ({
    setGeneration: ({ resources }) => companions.push(resources.length),
    close: () => Promise.resolve(),
  });
  serveRenderer(channel.port2, {
    clock,
    random: new NodeRandom(),
    files: new NodeRenderFiles(),
    accounts: new FileAccounts(),
    resolver: new NodeResolver(),
    run: commandRunner(clock),
    env: {},
    engine: (extension) =>
      Promise.resolve(extension === '.hbs' ? new HandlebarsEngine(new NodeDisk()) : undefined),
    timeOffsetMs: 0,
    companion,
  });
  return new RenderHost(channel.port1, {
    clock,
    log: silentLog,
    feed: store,
    timeOffsetMs: 0,
    onEvent: (event) => events.push(event),
  });
}

function settings(more: Partial<WorkerSettings> = {}): WorkerSettings {
  return {
    confdir: folder,
    prefix: undefined,
    dataFolder: undefined,
    cwd: folder,
    stateFolder: join(folder, 'state'),
    intervalMs: 0,
    watchFiles: false,
    pass: {},
    logLevel: 'debug',
    source: { type: 'embedded' },
    ...more,
  };
}

async function declare(name: string, template: string, more = ''): Promise<void> {
  await writeFile(
    join(folder, `conf.d/${name}.toml`),
    `[template]\nsrc = "${name}.hbs"\ndest = "${name}.out"\nkeys = ["/app"]\n${more}`,
  );
  await writeFile(join(folder, `templates/${name}.hbs`), template);
}

const out = (name: string): Promise<string> => readFile(join(folder, `${name}.out`), 'utf8');

describe('a renderer behind a port', () => {
  it('renders what the member has and what changes, checks and reloads, and answers for it', async () => {
    await declare(
      'a',
      'v={{getv "/app/v"}}\n',
      `check_cmd = "grep -q v= {{.src}}"
reload_cmd = "cp {{.dest}} ${join(folder, 'reloaded')}"
`,
    );
    store.put({ '/app/v': '1' });
    const host = hostOf();
    expect(await host.start(settings())).toEqual([]);
    expect(await host.wait(1, 10_000)).toMatchObject({ timedOut: false, errors: [] });
    expect(await out('a')).toBe('v=1\n');
    store.put({ '/app/v': '2', '/elsewhere': 'x' });
    expect(await host.wait(2, 10_000)).toMatchObject({
      files: [{ dest: join(folder, 'a.out'), revision: 2 }],
      timedOut: false,
      errors: [],
    });
    expect(await out('a')).toBe('v=2\n');
    expect(await readFile(join(folder, 'reloaded'), 'utf8')).toBe('v=2\n');
    const { resources, source, sourceRevision } = await host.status();
    expect({ source, sourceRevision }).toEqual({ source: 'embedded', sourceRevision: 2 });
    expect(resources).toMatchObject([
      {
        name: 'a',
        state: 'in_sync',
        appliedRevision: 2,
        wantedRevision: 2,
        check: { ok: true },
        reload: { ok: true },
      },
    ]);
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['written', 'reload', 'ready']));
    await host.shutdown(1000);
    await expect(host.status()).rejects.toThrow('the renderer is gone');
  });

  it('a wait on a follower that lags is for its revision: not over before that is applied here and rendered', async () => {
    await declare('a', '{{getv "/app/v"}}');
    store.put({ '/app/v': '1' });
    const host = hostOf();
    await host.start(settings());
    await host.wait(1, 10_000);
    // Of a put elsewhere, which this member has yet to apply.
    const waiting = host.wait(3, 10_000);
    store.put({ '/app/v': '2' });
    await host.wait(2, 10_000);
    expect(await Promise.race([waiting, host.wait(2, 10_000).then(() => 'open')])).toBe('open');
    store.put({ '/app/v': '3' });
    expect(await waiting).toMatchObject({ files: [{ revision: 3 }], timedOut: false });
    expect(await out('a')).toBe('3');
    // By a snapshot of the leader, several revisions at once.
    const jumped = host.wait(5, 10_000);
    store.install(4, { '/app/v': '7' });
    expect(await jumped).toMatchObject({ files: [{ revision: 7 }], timedOut: false });
    expect(await out('a')).toBe('7');
    await host.shutdown(1000);
  });

  it('takes up changed configuration when told, reports what is broken, and keeps the last good version', async () => {
    await declare('a', '{{getv "/app/v"}}');
    store.put({ '/app/v': '1' });
    const host = hostOf();
    await host.start(settings());
    await host.wait(1, 10_000);
    await declare('b', 'b {{getv "/app/v"}}');
    await writeFile(join(folder, 'conf.d/a.toml'), 'src = = 1');
    await host.reload();
    store.put({ '/app/v': '2' });
    await host.wait(2, 10_000);
    expect([await out('a'), await out('b')]).toEqual(['2', 'b 2']);
    const { configErrors } = await host.status();
    expect(configErrors).toHaveLength(1);
    expect(configErrors[0]).toContain('a.toml:1:');
    expect(companions).toEqual([1, 2]);
    await host.shutdown(1000);
  });

  it('notices changed templates by itself', async () => {
    await declare('a', '{{getv "/app/v"}}');
    store.put({ '/app/v': '1' });
    const host = hostOf();
    await host.start(settings({ watchFiles: true }));
    await host.wait(1, 10_000);
    const rewritten = new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (events.filter(({ type }) => type === 'written').length < 2) return;
        clearInterval(look);
        resolve();
      }, 5);
    });
    await writeFile(join(folder, 'templates/a.hbs'), 'new {{getv "/app/v"}}');
    await rewritten;
    expect(await out('a')).toBe('new 1');
    await host.shutdown(1000);
  });

  it('answers a failed call with its code, and everyone who waits when it is gone', async () => {
    const host = hostOf();
    await host.start(settings());
    await expect(host.accept('/nowhere')).rejects.toMatchObject({ code: 'not_found' });
    await declare('a', '{{getv "/app/v"}}');
    await host.reload();
    const waiting = host.wait(5, 60_000);
    host.lost('its thread ended');
    await expect(waiting).rejects.toThrow('the renderer is gone: its thread ended');
  });

  it('renders from files as well, with the same settings', async () => {
    await declare('a', '{{getv "/app/v"}}');
    await writeFile(join(folder, 'keys.yaml'), 'app:\n  v: from a file\n');
    const host = hostOf();
    await host.start(settings({ source: { type: 'file', paths: [join(folder, 'keys.yaml')] } }));
    await host.wait(1, 10_000);
    expect(await out('a')).toBe('from a file');
    await host.shutdown(1000);
  });
});
