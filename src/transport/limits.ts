const KiB = 1024;
const MiB = 1024 * KiB;

/** Bounds of what members hold for each other, and for how long. */
export interface PeerLimits {
  /**
   * Messages waiting for one connected peer, by their encoded size. They hold no copies, only what the log holds anyway:
   * encoding happens when a batch leaves. As large as what raft sends a follower before it waits for an answer.
   */
  readonly queueBytes: number;
  /** The same while there is no connection: enough for votes and heartbeats; the rest would be stale on arrival. */
  readonly unconnectedBytes: number;
  /**
   * One write to a peer; a single message may pass it. What is urgent waits for no more than one write, and both ends
   * take each in one turn of their event loops.
   */
  readonly batchBytes: number;
  /** The largest batch that is read; larger messages aren't sent. Above the largest request by far. */
  readonly receiveBytes: number;
  /** Data under way to a reader that hasn't been read yet, for a connection and for each of its streams. */
  readonly windowBytes: number;
  /** From the first packet until both sides have admitted each other. */
  readonly handshakeMs: number;
  /** A connection is asked for a sign of life that often, and is given up after so long without one. */
  readonly pingMs: number;
  readonly silenceMs: number;
  /** Before the next try after a failure: doubling from least to most, half of it random. */
  readonly backoffLeastMs: number;
  readonly backoffMostMs: number;
  /** Members that said hello and aren't in the configuration here yet. */
  readonly learnedPeers: number;
  /** Calls under way to members without a connection, each on one of its own. */
  readonly dialledCalls: number;
  /** Of all transfers of state from this member together; 0: no bound. */
  readonly snapshotBytesPerSecond: number;
  readonly snapshotPartBytes: number;
  /** A transfer that makes no progress for so long has failed, on both sides. */
  readonly snapshotStallMs: number;
  /** How long a receiver may take to make the state durable after its last byte. */
  readonly snapshotReceiptMs: number;
}

export const DEFAULT_PEER_LIMITS: PeerLimits = {
  queueBytes: 64 * MiB,
  unconnectedBytes: MiB,
  batchBytes: 128 * KiB,
  receiveBytes: 64 * MiB,
  windowBytes: 2 * MiB,
  handshakeMs: 5_000,
  pingMs: 2_000,
  silenceMs: 6_000,
  backoffLeastMs: 50,
  backoffMostMs: 1_000,
  learnedPeers: 8,
  dialledCalls: 64,
  snapshotBytesPerSecond: 0,
  snapshotPartBytes: 128 * KiB,
  snapshotStallMs: 30_000,
  snapshotReceiptMs: 300_000,
};
