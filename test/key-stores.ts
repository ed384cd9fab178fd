import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import zookeeper from 'node-zookeeper-client';
import { Child } from './child.js';
import { claimPort, eventually, scratch } from './daemon.js';
import { peer } from './peers.js';

/** A real store of keys, with what tests do to it. */
export interface KeyStoreServer {
  /** `127.0.0.1:PORT` */
  readonly node: string;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** kill -9; the port stays. */
  kill(): Promise<void>;
  /** After {@link kill}, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export type Redis = KeyStoreServer & {
  /** Any command. */
  command(...words: readonly string[]): Promise<unknown>;
};

/** Debian's redis-server, in memory alone, with keyspace notifications unless `args` say otherwise. */
export async function startRedis(...args: readonly string[]): Promise<Redis> {
  const port = await claimPort();
  const folder = scratch();
  const node = `127.0.0.1:${port}`;
  const password = args[args.indexOf('--requirepass') + 1];
  const spawn = () =>
    new Child(peer('redis-server') ?? 'redis-server', [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...['--notify-keyspace-events', 'KEA', ...args],
    ]);
  const open = async () => {
    await reachable(port);
    const client = createClient({
      url: `redis://${node}`,
      RESP: 2,
      ...(args.includes('--requirepass') && password !== undefined ? { password } : {}),
      socket: { reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  let child = spawn();
  let client = await open();
  return {
    node,
    put: async (key, value) => void (await client.set(key, value)),
    delete: async (key) => void (await client.del(key)),
    command: (...words) => client.sendCommand([...words]),
    kill: async () => {
      await child.end('SIGKILL');
    },
    restart: async () => {
      child = spawn();
      client = await open();
    },
    stop: async () => {
      if (client.isOpen) client.destroy();
      if (child.running) await child.end('SIGTERM');
    },
  };
}

/** Debian's ZooKeeper, one server. */
export async function startZookeeper(): Promise<KeyStoreServer> {
  const port = await claimPort();
  const node = `127.0.0.1:${port}`;
  const spawn = () => {
    const folder = scratch();
    mkdirSync(join(folder, 'data'));
    const settings = [
      'tickTime=500',
      `dataDir=${join(folder, 'data')}`,
      `clientPort=${port}`,
      'clientPortAddress=127.0.0.1',
      'admin.enableServer=false',
      '4lw.commands.whitelist=*',
    ];
    writeFileSync(join(folder, 'zoo.cfg'), `${settings.join('\n')}\n`);
    writeFileSync(join(folder, 'log4j.properties'), 'log4j.rootLogger=OFF\n');
    return new Child('java', [
      ...['-Xmx128m', '-Dzookeeper.jmx.log4j.disable=true', '-Dcom.sun.management.jmxremote=false'],
      ...['-cp', `${folder}:/usr/share/java/zookeeper.jar`],
      ...['org.apache.zookeeper.server.quorum.QuorumPeerMain', join(folder, 'zoo.cfg')],
    ]);
  };
  const open = async () => {
    // It accepts connections before it serves them, and answers so.
    await eventually(async () => {
      if (!(await said(port, 'srvr')).includes('Mode: standalone')) throw new Error('not yet');
    }, PATIENCE);
    const client = zookeeper.createClient(node, { sessionTimeout: 10_000 });
    const connected = new Promise<void>((resolve) => client.once('connected', resolve));
    client.connect();
    await connected;
    return client;
  };
  let child = spawn();
  let client = await open();
  const call = <Result>(
    ask: (done: (error: Error | zookeeper.Exception | null, result: Result) => void) => void,
  ): Promise<Result> =>
    new Promise((resolve, reject) => {
      ask((error, result) => {
        if (error === null) resolve(result);
        else reject(new Error(error.toString()));
      });
    });
  return {
    node,
    put: async (key, value) => {
      await call((done) => client.mkdirp(key, done));
      await call((done) => client.setData(key, Buffer.from(value), done));
    },
    delete: (key) => call((done) => client.remove(key, (error) => done(error, undefined))),
    kill: async () => {
      client.close();
      await child.end('SIGKILL');
    },
    restart: async () => {
      child = spawn();
      client = await open();
    },
    stop: async () => {
      client.close();
      if (child.running) await child.end('SIGKILL');
    },
  };
}

const PATIENCE = { timeoutMs: 25_000, what: () => 'the server does not serve' };

async function reachable(port: number): Promise<void> {
  await eventually(() => said(port, ''), PATIENCE);
}

/** What a server answers to a word, until it closes the connection; '' without a word. */
function said(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      if (word === '') {
        socket.destroy();
        resolve('');
      } else socket.write(word);
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    // One that is just starting may accept a connection and forget it.
    socket.setTimeout(500, () => socket.destroy(new Error('silent')));
    socket.on('end', () => resolve(text));
  });
}
