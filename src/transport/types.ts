import type { Rest } from '../io/clock.js';
import type { Hello, PeerRequest, PeerResponse, Refusal } from '../proto/generated/peer.js';
import type { Message } from '../proto/generated/raft.js';

/** Another member, as far as reaching it goes. */
export interface Peer {
  readonly id: bigint;
  /** Tried in turn. */
  readonly peerUrls: readonly string[];
}

/**
 * The network between members, as a member sees it. The real one speaks gRPC (see grpc-network.ts); the simulator's
 * loses, delays, repeats and reorders, under the same interface.
 */
export interface PeerNetwork {
  /**
   * Asks whoever listens on a peer URL, before there is a member to connect. Rejects with `unavailable` (nobody there,
   * or no answer in time) or with what the other side failed with.
   */
  call(url: string, request: PeerRequest, timeoutMs: number): Promise<PeerResponse>;
  /** Lets a member take part: from now on its peers are answered by `host`. Once in a network's life. */
  connect(host: PeerHost): Transport;
}

/** One member's connections to the others. Nothing here waits for a peer: a slow or dead one costs the others nothing. */
export interface Transport {
  /** Who the others are, this member not among them: connects to new ones, lets go of those that are gone. */
  setPeers(peers: readonly Peer[]): void;
  /**
   * Queues messages. For each receiver they keep their order, but that small ones (heartbeats, votes, answers) may
   * overtake those with entries, which a slow connection would otherwise hold up past an election. A receiver's queue is bounded in bytes: what doesn't fit is dropped
   * and reported as unreachable. Raft tells again what matters. A SNAP message begins the transfer of
   * {@link PeerHost.openSnapshot}'s state on a connection of its own, one at a time for each receiver; its end is
   * reported by {@link PeerHost.snapshotSent}, exactly once for each SNAP message.
   */
  send(messages: readonly Message[]): void;
  /** Rejects as {@link PeerNetwork.call}; `unavailable` also for a member that isn't known. */
  call(to: bigint, request: PeerRequest, timeoutMs: number): Promise<PeerResponse>;
  /** Clock.monotonicMs() since which the peer has been connected without a break; undefined: it isn't. */
  activeSince(id: bigint): number | undefined;
  /** Drops what is queued. */
  close(): Promise<void>;
}

/** A copy of the state on its way out (store/'s BackendCopy). */
export interface OutgoingSnapshot {
  readonly bytes: number;
  /** May be read once. A chunk is overwritten when the next is asked for. */
  chunks(): AsyncIterable<Buffer>;
  /**
   * Frees what the copy holds; to be called however reading ended. Other users of the disk are held up by it: `rest`
   * gives them so many milliseconds at a time, for who can wait.
   */
  close(rest?: Rest): Promise<void>;
}

/** The member behind a transport: what arrives goes here. Nothing here throws, unless it says so. */
export interface PeerHost {
  /** Sent at the start of each connection; changes never, but for the peer URLs. */
  readonly hello: Hello;
  /**
   * Whether the sender of a hello may talk to us; asked at the start of each connection in either direction and with
   * each call, before anything else of it is looked at. Answers only once it is durable that this member was met.
   */
  admit(hello: Hello): Promise<Refusal>;
  /** A peer won't have us. REMOVED and OTHER_INSTANCE end this member; the others are logged and tried again. */
  refused(by: bigint, refusal: Refusal): void;
  /** Raft messages from an admitted peer, in the order of its stream. */
  receive(messages: readonly Message[]): void;
  /** What was sent to this member may be lost. */
  unreachable(id: bigint): void;
  /** How a transfer has ended. */
  snapshotSent(to: bigint, succeeded: boolean): void;
  /** A copy of the state for a slow member; the transport closes it. Rejects where none can be made. */
  openSnapshot(): Promise<OutgoingSnapshot>;
  /**
   * A leader's state arrives: `message` is its SNAP, `chunks` the copy. `chunks` fails where the stream is cut or its
   * digest is wrong; then nothing is kept. Resolves once the state is durable aside and raft has been told; rejects
   * otherwise. One at a time: a second one supersedes the first, which rejects.
   */
  receiveSnapshot(message: Message, chunks: AsyncIterable<Buffer>): Promise<void>;
  /** Answers a call of an admitted peer; failures are in the response. `describe` is answered to everybody. */
  answer(request: PeerRequest): Promise<PeerResponse>;
}
