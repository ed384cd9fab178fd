import net, { type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../../src/proto/generated/peer.js';
import { type Message, MessageType } from '../../../src/proto/generated/raft.js';
import { append, eventually, helloOf, message, type NodeOptions, PeerNode, Port } from './harness.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(id: bigint, options?: NodeOptions): Promise<PeerNode> {
  const node = await PeerNode.start(id, options);
  closing.push(() => node.close());
  return node;
}

async function pair(options?: NodeOptions): Promise<[PeerNode, PeerNode]> {
  const nodes = [await start(1n, options), await start(2n, options)] as [PeerNode, PeerNode];
  nodes[0].transport.setPeers([{ id: 2n, peerUrls: [nodes[1].port.url] }]);
  nodes[1].transport.setPeers([{ id: 1n, peerUrls: [nodes[0].port.url] }]);
  return nodes;
}

/** What tells messages apart, without comparing megabytes. */
function indexes(messages: readonly Message[]): string[] {
  return messages.map(({ type, index, commit }) => `${MessageType[type]} ${index} ${commit}`);
}

describe('messages between members', () => {
  it('arrive as they were sent, in order, many of one turn in one batch', async () => {
    const [one, two] = await pair();
    const sent = Array.from({ length: 50 }, (_, at) => append(1n, 2n, at + 1, 100));
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    for (const each of sent) one.transport.send([each]);
    await two.host.until(() => two.host.received.length === 50);
    expect(two.host.received).toEqual(sent);
    expect(two.host.batches).toEqual([50]);
  });

  it('go in batches of bounded size where they are large', async () => {
    const [one, two] = await pair({ limits: { batchBytes: 100_000 } });
    const sent = Array.from({ length: 30 }, (_, at) => append(1n, 2n, at + 1, 40_000));
    one.transport.send(sent.slice(0, 10));
    await two.host.until(() => two.host.received.length === 10);
    one.transport.send(sent.slice(10));
    await two.host.until(() => two.host.received.length === 30);
    expect(indexes(two.host.received)).toEqual(indexes(sent));
    expect(Math.max(...two.host.batches)).toBe(2);
  });

  it('sent before there is a connection wait for it', async () => {
    const one = await start(1n);
    const two = await start(2n);
    one.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
    one.transport.send([message(1n, 2n, { type: MessageType.VOTE })]);
    await two.host.until(() => two.host.received.length === 1);
    expect(two.host.received[0]?.type).toBe(MessageType.VOTE);
  });

  it('that are urgent overtake entries, and keep their own order', async () => {
    const [one, two] = await pair();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    const heartbeats = [1, 2].map((commit) => message(1n, 2n, { type: MessageType.HEARTBEAT, commit }));
    const appends = [1, 2, 3].map((index) => append(1n, 2n, index, 2_000_000));
    one.transport.send([...appends, ...heartbeats]);
    await two.host.until(() => two.host.received.length === 5);
    expect(indexes(two.host.received)).toEqual(indexes([...heartbeats, ...appends]));
  });

  it('go on when the other side comes back, after what was lost was reported', async () => {
    const [one, two] = await pair();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    const since = one.transport.activeSince(2n) as number;
    await two.port.close();
    await one.host.until(() => one.host.unreachables.includes(2n));
    expect(one.transport.activeSince(2n)).toBeUndefined();
    await two.reopen();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    expect(one.transport.activeSince(2n)).toBeGreaterThan(since);
    one.transport.send([append(1n, 2n, 7, 10)]);
    await two.host.until(() => two.host.received.length === 1);
  });

  it('find the one peer URL of several that answers', async () => {
    const one = await start(1n);
    const two = await start(2n);
    const gone = await Port.open(() => {});
    await gone.close();
    one.transport.setPeers([{ id: 2n, peerUrls: [gone.url, 'ftp://nonsense', two.port.url] }]);
    one.transport.send([]);
    await eventually(() => one.transport.activeSince(2n) !== undefined);
  });

  it('follow a member to another URL', async () => {
    const [one, two] = await pair();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    const moved = await start(2n);
    one.transport.setPeers([{ id: 2n, peerUrls: [moved.port.url] }]);
    await eventually(() => two.port.connections === 0 || moved.port.connections === 1);
    await eventually(() => one.transport.activeSince(2n) !== undefined && moved.port.connections === 1);
    one.transport.send([append(1n, 2n, 1, 10)]);
    await moved.host.until(() => moved.host.received.length === 1);
  });

  it('reach a member that was told of by nobody but itself', async () => {
    const one = await start(1n);
    const two = await start(2n);
    one.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
    one.transport.send([append(1n, 2n, 1, 10)]);
    await two.host.until(() => two.host.received.length === 1);
    two.transport.send([message(2n, 1n, { type: MessageType.APP_RESP })]);
    await one.host.until(() => one.host.received.length === 1);
    // A configuration that doesn't know it doesn't end that; its leaving does.
    two.transport.setPeers([]);
    expect(two.transport.activeSince(1n)).toBeDefined();
    one.transport.setPeers([]);
    await eventually(() => two.transport.activeSince(1n) === undefined && one.port.connections === 0);
  });

  it('of members that nobody knows make no more connections than are allowed', async () => {
    const known = await start(9n, { limits: { learnedPeers: 2 } });
    const others = await Promise.all([1n, 2n, 3n, 4n].map((id) => start(id)));
    for (const each of others) each.transport.setPeers([{ id: 9n, peerUrls: [known.port.url] }]);
    await eventually(() => others.every((each) => each.transport.activeSince(9n) !== undefined));
    const reached = others.filter(({ id }) => known.transport.activeSince(id) !== undefined);
    await eventually(() => others.filter((each) => each.port.connections > 0).length === 2);
    expect(reached.length).toBeLessThanOrEqual(2);
  });

  it('to a peer that is let go of are dropped', async () => {
    const [one, two] = await pair();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    two.transport.setPeers([]);
    one.transport.setPeers([]);
    expect(one.transport.activeSince(2n)).toBeUndefined();
    await eventually(() => two.port.connections === 0);
    one.transport.send([append(1n, 2n, 1, 10)]);
    expect(two.host.received).toEqual([]);
  });
});

describe('a peer that does not read', () => {
  it('costs the others nothing, holds no more than its queue, and is reported', async () => {
    const [one, two] = await pair({ limits: { unconnectedBytes: 1_000_000, handshakeMs: 60_000 } });
    const dead = await Port.open((socket) => socket.pause());
    closing.push(() => dead.close());
    one.transport.setPeers([
      { id: 2n, peerUrls: [two.port.url] },
      { id: 3n, peerUrls: [dead.url] },
    ]);
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    for (let index = 1; index <= 50; index++) {
      one.transport.send([append(1n, 3n, index, 100_000), append(1n, 2n, index, 100_000)]);
    }
    await two.host.until(() => two.host.received.length === 50);
    expect(one.host.unreachables).toEqual([3n]);
  });

  it('after it was connected is noticed by its silence, and its queue is bounded', async () => {
    const one = await start(1n, { limits: { queueBytes: 3_000_000 } });
    const two = await start(2n);
    // A link in between that stops carrying anything, and says nothing of it.
    const pairs: { socket: Socket; onward: Socket }[] = [];
    const link = await Port.open((socket) => {
      const onward = net.connect(two.port.port, '127.0.0.1');
      onward.on('error', () => {});
      socket.pipe(onward).pipe(socket);
      pairs.push({ socket, onward });
    });
    closing.push(() => link.close());
    one.transport.setPeers([{ id: 2n, peerUrls: [link.url] }]);
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    for (const { socket, onward } of pairs) {
      socket.unpipe(onward);
      onward.unpipe(socket);
      socket.pause();
      onward.pause();
    }
    for (let index = 1; index <= 20; index++) one.transport.send([append(1n, 2n, index, 500_000)]);
    // Dropped, because the queue is full: reported at once. Then once more, when the connection is given up.
    expect(one.host.unreachables).toEqual([2n]);
    await one.host.until(() => one.host.unreachables.length >= 2);
    expect(one.host.unreachables.every((id) => id === 2n)).toBe(true);
  });
});

describe('the meeting of two members', () => {
  it.each([
    ['another cluster', Refusal.OTHER_CLUSTER],
    ['another token', Refusal.OTHER_TOKEN],
    ['another data folder', Refusal.OTHER_INSTANCE],
    ['a removed member', Refusal.REMOVED],
    ['a newer protocol', Refusal.OTHER_PROTOCOL],
  ])('lets no message of %s through, and tells its sender why, once', async (_who, refusal) => {
    const one = await start(1n);
    const two = await start(2n);
    let met = 0;
    two.host.admission = (hello) => {
      met++;
      expect(hello).toEqual(one.host.hello);
      return refusal;
    };
    one.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
    one.transport.send([append(1n, 2n, 1, 10)]);
    await eventually(() => met >= 3);
    expect(one.host.refusals).toEqual([[2n, refusal]]);
    expect(two.host.received).toEqual([]);
    expect(one.transport.activeSince(2n)).toBeUndefined();
  });

  it('ends where the caller refuses whom it has reached', async () => {
    const [one, two] = await pair();
    let met = 0;
    one.host.admission = () => {
      met++;
      return Refusal.OTHER_INSTANCE;
    };
    one.transport.send([append(1n, 2n, 1, 10)]);
    await eventually(() => met >= 3);
    expect(two.host.received).toEqual([]);
    expect(one.transport.activeSince(2n)).toBeUndefined();
  });

  it('is refused where somebody else listens', async () => {
    const one = await start(1n);
    const three = await start(3n);
    one.transport.setPeers([{ id: 2n, peerUrls: [three.port.url] }]);
    await one.host.until(() => one.host.refusals.length > 0);
    expect(one.host.refusals[0]).toEqual([2n, Refusal.OTHER_MEMBER]);
  });

  it('waits for a member that starts', async () => {
    const one = await start(1n);
    const two = await PeerNode.listen(2n);
    closing.push(() => two.close());
    one.transport.setPeers([{ id: 2n, peerUrls: [two.port.url] }]);
    await one.host.until(() => one.host.refusals.some(([, refusal]) => refusal === Refusal.STARTING));
    two.connect();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
  });

  it('is over before the first message leaves, however long the meeting takes to be written down', async () => {
    const [one, two] = await pair();
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    const waiting: (() => void)[] = [];
    one.host.admission = () => new Promise((resolve) => waiting.push(() => resolve(Refusal.ADMITTED)));
    two.port.cut();
    await one.host.until(() => one.host.unreachables.length > 0);
    one.transport.send([append(1n, 2n, 1, 10)]);
    await eventually(() => waiting.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(two.host.received).toEqual([]);
    waiting.map((admit) => admit());
    await two.host.until(() => two.host.received.length === 1);
  });
});

describe('calls', () => {
  const describe_ = { hello: undefined, to: 0n, kind: { $case: 'describe' as const, value: { about: 5n } } };

  it('are answered on the open connection and without one', async () => {
    const [one, two] = await pair();
    two.host.reply = async (request) => ({
      refusal: Refusal.ADMITTED,
      error: undefined,
      kind: {
        $case: 'description',
        value: {
          clusterId: 9n,
          memberId: 2n,
          members: [],
          instance: request.to,
          removed: false,
          tokenDigest: Buffer.alloc(0),
          applied: 0,
          version: '3.4.0',
        },
      },
    });
    const dialled = await one.network.call(two.port.url, describe_, 1_000);
    expect(dialled.kind?.value).toMatchObject({ memberId: 2n, instance: 0n });
    await eventually(() => one.transport.activeSince(2n) !== undefined);
    const connections = two.port.connections;
    const shared = await one.transport.call(2n, describe_, 1_000);
    expect(shared.kind?.value).toMatchObject({ memberId: 2n, instance: 2n });
    expect(two.port.connections).toBe(connections);
    expect(two.host.requests.at(-1)?.hello).toEqual(one.host.hello);
  });

  it('fail with what the other side failed with', async () => {
    const [one, two] = await pair();
    two.host.reply = async () => ({
      refusal: Refusal.ADMITTED,
      error: { code: 'not_found', message: 'etcdserver: requested lease not found' },
      kind: undefined,
    });
    await expect(one.transport.call(2n, describe_, 1_000)).rejects.toMatchObject({
      code: 'not_found',
      message: 'etcdserver: requested lease not found',
    });
  });

  it('fail where nobody listens, the answer is late, the member is unknown or starts', async () => {
    const one = await start(1n);
    const starting = await PeerNode.listen(2n);
    closing.push(() => starting.close());
    const silent = await Port.open((socket) => socket.pause());
    closing.push(() => silent.close());
    const slow = await start(3n);
    slow.host.reply = () => new Promise(() => {});
    const gone = await Port.open(() => {});
    await gone.close();
    const unavailable = (sentence: RegExp) => ({
      code: 'unavailable',
      message: expect.stringMatching(sentence) as string,
    });
    await expect(one.network.call(gone.url, describe_, 500)).rejects.toMatchObject(
      unavailable(/nobody listens there/),
    );
    await expect(one.network.call(silent.url, describe_, 100)).rejects.toMatchObject(
      unavailable(/did not answer within/),
    );
    await expect(one.network.call(slow.port.url, describe_, 100)).rejects.toMatchObject(
      unavailable(/did not answer within 0\.\d+s/),
    );
    await expect(one.network.call(starting.port.url, describe_, 500)).rejects.toMatchObject(
      unavailable(/is starting/),
    );
    await expect(one.transport.call(7n, describe_, 500)).rejects.toMatchObject(unavailable(/7 is not known/));
    await expect(one.network.call('https:/x', describe_, 500)).rejects.toMatchObject(
      unavailable(/is no peer URL/),
    );
  });

  it('of a stranger are refused, but for the question who is there', async () => {
    const one = await start(1n, { hello: { ...helloOf(1n), clusterId: 4n } });
    const two = await start(2n);
    two.host.admission = () => Refusal.OTHER_CLUSTER;
    await expect(one.network.call(two.port.url, describe_, 500)).resolves.toMatchObject({
      refusal: Refusal.ADMITTED,
    });
    const renew = { hello: undefined, to: 2n, kind: { $case: 'renewLease' as const, value: { ID: 1n } } };
    await expect(one.network.call(two.port.url, renew, 500)).rejects.toMatchObject({ code: 'unavailable' });
    expect(two.host.requests.length).toBe(1);
  });
});
