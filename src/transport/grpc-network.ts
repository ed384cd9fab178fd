import { createHash } from 'node:crypto';
import {
  Client,
  credentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ConfetdError, messageOf } from '../base/errors.js';
import { type Clock, sleep } from '../io/clock.js';
import type { Log } from '../io/log.js';
import {
  type Hello,
  type MessageBatch,
  type PeerRequest,
  type PeerResponse,
  PeerService,
  Refusal,
  type SnapshotPart,
  type SnapshotReceipt,
  type Welcome,
} from '../proto/generated/peer.js';
import { type Message, MessageType } from '../proto/generated/raft.js';
import type { Peer, PeerHost, PeerNetwork, Transport } from './types.js';

const NO = Buffer.alloc(0);
export class GrpcNetwork implements PeerNetwork {
  host: PeerHost | undefined;
  constructor(readonly o: { clock: Clock; log: Log }) {}
  async call(url: string, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> {
    const client = new Client(new URL(url).host, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
    });
    try {
      return await unary(client, request, timeoutMs);
    } finally {
      client.close();
    }
  }
  connect(host: PeerHost): Transport {
    this.host = host;
    return new GrpcTransport(host, this.o);
  }
  get service(): UntypedServiceImplementation {
    return {
      messages: (call: ServerDuplexStream<MessageBatch, Welcome>) => {
        let admitted = false;
        call.on('error', () => {});
        call.on('data', (batch: MessageBatch) => {
          const host = this.host;
          if (batch.hello !== undefined) {
            if (host === undefined) {
              call.write({ refusal: Refusal.STARTING, hello: undefined });
              call.end();
              return;
            }
            call.pause();
            void host.admit(batch.hello).then((r) => {
              const refusal =
                r !== Refusal.ADMITTED ? r : batch.to !== host.hello.memberId ? Refusal.OTHER_MEMBER : r;
              admitted = refusal === Refusal.ADMITTED;
              call.write({ refusal, hello: host.hello });
              if (admitted) call.resume();
              else call.end();
            });
          } else if (admitted) host?.receive(batch.messages);
        });
        call.on('end', () => call.end());
      },
      installSnapshot: (
        call: ServerReadableStream<SnapshotPart, SnapshotReceipt>,
        done: sendUnaryData<SnapshotReceipt>,
      ) => {
        void (async () => {
          const host = this.host;
          if (host === undefined) return done(null, { refusal: Refusal.STARTING });
          const it = call[Symbol.asyncIterator]() as AsyncIterator<SnapshotPart>;
          const first = (await it.next()).value as SnapshotPart;
          const refusal = await host.admit(first.hello as Hello);
          if (refusal !== Refusal.ADMITTED) return done(null, { refusal });
          async function* chunks() {
            const h = createHash('sha256');
            for (;;) {
              const n = await it.next();
              if (n.done === true) throw new ConfetdError('data_loss', 'cut');
              h.update(n.value.data);
              if (n.value.data.length > 0) yield n.value.data;
              if (n.value.digest.length > 0) {
                if (!h.digest().equals(n.value.digest)) throw new ConfetdError('data_loss', 'digest');
                return;
              }
            }
          }
          await host.receiveSnapshot(first.message as Message, chunks());
          done(null, { refusal: Refusal.ADMITTED });
        })().catch((e) => done({ code: 13, details: messageOf(e) } as never));
      },
      call: (call: ServerUnaryCall<PeerRequest, PeerResponse>, done: sendUnaryData<PeerResponse>) => {
        void (async () => {
          const host = this.host;
          if (host === undefined)
            return done(null, { refusal: Refusal.STARTING, error: undefined, kind: undefined });
          if (call.request.kind?.$case !== 'describe') {
            const refusal = await host.admit(call.request.hello as Hello);
            if (refusal !== Refusal.ADMITTED)
              return done(null, { refusal, error: undefined, kind: undefined });
          }
          done(null, await host.answer(call.request));
        })();
      },
    };
  }
}
function unary(client: Client, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      PeerService.call.path,
      PeerService.call.requestSerialize,
      PeerService.call.responseDeserialize,
      request,
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (response === undefined || error)
          reject(new ConfetdError('unavailable', error?.details ?? 'no answer'));
        else resolve(response);
      },
    );
  });
}
class Link {
  queue: Message[] = [];
  client: Client;
  since: number | undefined;
  stream: import('@grpc/grpc-js').ClientDuplexStream<MessageBatch, Welcome> | undefined;
  dead = false;
  scheduled = false;
  constructor(
    readonly peer: Peer,
    readonly host: PeerHost,
    readonly o: { clock: Clock; log: Log },
  ) {
    this.client = new Client(new URL(peer.peerUrls[0] as string).host, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
    void this.run();
  }
  async run() {
    while (!this.dead) {
      await new Promise<void>((done) => {
        const s = this.client.makeBidiStreamRequest(
          PeerService.messages.path,
          PeerService.messages.requestSerialize,
          PeerService.messages.responseDeserialize,
        );
        s.on('error', () => {
          done();
        });
        s.on('end', () => done());
        s.on('data', (w: Welcome) => {
          if (w.refusal !== Refusal.ADMITTED || w.hello === undefined) {
            this.host.refused(this.peer.id, w.refusal);
            s.end();
            return;
          }
          void this.host.admit(w.hello).then((r) => {
            if (r !== Refusal.ADMITTED) {
              s.end();
              return;
            }
            this.stream = s;
            this.since = this.o.clock.monotonicMs();
            this.flush();
          });
        });
        s.write({ hello: this.host.hello, to: this.peer.id, messages: [] });
      });
      this.stream = undefined;
      this.since = undefined;
      this.host.unreachable(this.peer.id);
      this.queue = [];
      await sleep(this.o.clock, 100);
    }
  }
  send(m: Message) {
    if (this.stream === undefined || this.queue.length > 10_000) {
      return;
    }
    this.queue.push(m);
    if (!this.scheduled) {
      this.scheduled = true;
      queueMicrotask(() => {
        this.scheduled = false;
        this.flush();
      });
    }
  }
  flush() {
    if (this.stream === undefined || this.queue.length === 0) return;
    const messages = this.queue;
    this.queue = [];
    this.stream.write({ hello: undefined, to: 0n, messages });
  }
  close() {
    this.dead = true;
    this.stream?.cancel();
    this.client.close();
  }
}
class GrpcTransport implements Transport {
  links = new Map<bigint, Link>();
  constructor(
    readonly host: PeerHost,
    readonly o: { clock: Clock; log: Log },
  ) {}
  setPeers(peers: readonly Peer[]) {
    for (const [id, link] of this.links)
      if (!peers.some((p) => p.id === id && p.peerUrls.join() === link.peer.peerUrls.join())) {
        link.close();
        this.links.delete(id);
      }
    for (const p of peers) if (!this.links.has(p.id)) this.links.set(p.id, new Link(p, this.host, this.o));
  }
  send(messages: readonly Message[]) {
    for (const m of messages) {
      const link = this.links.get(m.to);
      if (link === undefined) continue;
      if (m.type === MessageType.SNAP) void this.snap(link, m);
      else link.send(m);
    }
  }
  async snap(link: Link, message: Message) {
    try {
      const out = await this.host.openSnapshot();
      try {
        await new Promise<void>((resolve, reject) => {
          void (async () => {
            const s = link.client.makeClientStreamRequest(
              PeerService.installSnapshot.path,
              PeerService.installSnapshot.requestSerialize,
              PeerService.installSnapshot.responseDeserialize,
              (e: unknown, r?: SnapshotReceipt) =>
                e || r?.refusal !== Refusal.ADMITTED ? reject(e ?? new Error('refused')) : resolve(),
            );
            s.on('error', () => {});
            s.write({ hello: this.host.hello, to: link.peer.id, message, data: NO, digest: NO });
            const h = createHash('sha256');
            for await (const data of out.chunks()) {
              h.update(data);
              if (!s.write({ hello: undefined, to: 0n, message: undefined, data, digest: NO }))
                await new Promise((r) => s.once('drain', r));
            }
            s.end({ hello: undefined, to: 0n, message: undefined, data: NO, digest: h.digest() } as never);
          })().catch(reject);
        });
      } finally {
        await out.close();
      }
      this.host.snapshotSent(link.peer.id, true);
    } catch (e) {
      this.o.log.warn({}, messageOf(e));
      this.host.snapshotSent(link.peer.id, false);
    }
  }
  call(to: bigint, request: PeerRequest, timeoutMs: number) {
    const link = this.links.get(to);
    if (link === undefined) return Promise.reject(new ConfetdError('unavailable', 'no such peer'));
    return unary(link.client, request, timeoutMs);
  }
  activeSince(id: bigint) {
    return this.links.get(id)?.since;
  }
  async close() {
    for (const l of this.links.values()) l.close();
    this.links.clear();
  }
}
