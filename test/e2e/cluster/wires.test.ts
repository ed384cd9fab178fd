import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Wires } from '../../proxy.js';

/** This process dials as `a`; `b` answers each byte with the next one. */
describe.skipIf(process.platform !== 'linux')('wires between members', () => {
  let wires: Wires;
  let server: Server;
  let port: number;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.write(Buffer.from(bytes.map((byte) => byte + 1))));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    wires = new Wires(() => new Map([[process.pid, 'a']]));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    port = await wires.listen({ name: 'b', port: address.port });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await wires.close();
    await new Promise((ended) => server.close(ended));
  });

  async function dial(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  async function answer(socket: Socket): Promise<string> {
    const [bytes] = await once(socket, 'data');
    return String(bytes);
  }

  /** Also by an error, which `once` would throw. */
  function closed(socket: Socket): Promise<unknown> {
    return new Promise((done) => socket.once('close', done));
  }

  /** There is no event for what doesn't come. */
  async function silent(socket: Socket): Promise<boolean> {
    return Promise.race([
      once(socket, 'data').then(() => false),
      new Promise<boolean>((wake) => setTimeout(() => wake(true), 100)),
    ]);
  }

  test('open: bytes and the end arrive, both ways', async () => {
    const socket = await dial();
    socket.write('a');
    expect(await answer(socket)).toBe('b');
    socket.write('c');
    expect(await answer(socket)).toBe('d');
    const accepted = new Promise<number>((count) => server.getConnections((_, number) => count(number)));
    expect(await accepted).toBe(1);
  });

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ] as const)(
    'held from %s to %s: nothing comes, nobody is told, and healed it comes late',
    async (from, to) => {
      const socket = await dial();
      socket.write('a');
      await answer(socket);
      wires.set(from, to, 'held');
      socket.write('x');
      expect(await silent(socket)).toBe(true);
      expect(socket.destroyed).toBe(false);
      const late = answer(socket);
      wires.healAll();
      expect(await late).toBe('y');
    },
  );

  test('held: a new connection waits too', async () => {
    wires.set('b', 'a', 'held');
    const socket = await dial();
    socket.write('a');
    expect(await silent(socket)).toBe(true);
    const late = answer(socket);
    wires.healAll();
    expect(await late).toBe('b');
  });

  test('reset: connections break, new ones too, until it is healed', async () => {
    const socket = await dial();
    socket.write('a');
    await answer(socket);
    const broken = closed(socket);
    wires.cut('a', 'b', 'reset');
    await broken;
    const second = await dial().catch(() => undefined);
    if (second !== undefined && !second.destroyed) await closed(second);
    wires.healAll();
    const third = await dial();
    third.write('e');
    expect(await answer(third)).toBe('f');
  });

  test('whoever is no member gets nowhere', async () => {
    const strangers = new Wires(() => new Map([[1, 'a']]));
    const nowhere = await strangers.listen({ name: 'b', port });
    const socket = connect(nowhere, '127.0.0.1');
    sockets.push(socket);
    await closed(socket);
    await strangers.close();
  });
});
