import { ConfetdError } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Hello, PeerRequest, PeerResponse } from '../proto/generated/peer.js';
import { type Message, MessageType } from '../proto/generated/raft.js';
import { Link, type LinkPorts } from './link.js';
import { OutgoingSnapshots } from './outgoing-snapshots.js';
import type { Meetings } from './peer-server.js';
import type { Peer, Transport } from './types.js';
import { unaryCall } from './unary-call.js';

const MAX_HINTED_URLS = 16;

/** Calls a member that there is no connection to. */
export type CallUrl = (url: string, request: PeerRequest, timeoutMs: number) => Promise<PeerResponse>;

/** A member's connections to the others, each independent of the rest. */
export class PeerTransport implements Transport, Meetings {
  readonly #ports: LinkPorts;
  readonly #callUrl: CallUrl;
  /** Ends what a member has opened to this one. */
  readonly #part: (id: bigint) => void;
  readonly #links = new Map<bigint, Link>();
  /** Of #links: not in the configuration here, but they have said hello. */
  readonly #learned = new Set<bigint>();
  readonly #snapshots: OutgoingSnapshots;
  #closed = false;

  constructor(ports: LinkPorts, callUrl: CallUrl, part: (id: bigint) => void) {
    this.#ports = ports;
    this.#callUrl = callUrl;
    this.#part = part;
    this.#snapshots = new OutgoingSnapshots(ports);
  }

  setPeers(peers: readonly Peer[]): void {
    if (this.#closed) return;
    const listed = new Set(peers.map(({ id }) => id));
    for (const id of this.#links.keys()) {
      if (!listed.has(id) && !this.#learned.has(id)) this.#drop(id);
    }
    for (const peer of peers) {
      this.#learned.delete(peer.id);
      const link = this.#links.get(peer.id);
      if (link === undefined) this.#links.set(peer.id, new Link(peer, this.#ports));
      else link.moveTo(peer.peerUrls);
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const link = this.#links.get(message.to);
      if (message.type === MessageType.SNAP) this.#snapshots.send(message, link?.url);
      else link?.push(message);
    }
  }

  async call(to: bigint, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> {
    const link = this.#links.get(to);
    const url = link?.url;
    if (link === undefined || url === undefined) {
      throw new ConfetdError('unavailable', `member ${formatId(to)} is not known here`);
    }
    const whole = { ...request, to, hello: request.hello ?? this.#ports.host.hello };
    const { session } = link;
    if (session === undefined) return await this.#callUrl(url, whole, timeoutMs);
    return await unaryCall(session, whole, this.#ports.clock, timeoutMs);
  }

  activeSince(id: bigint): number | undefined {
    return this.#links.get(id)?.activeSince;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const links = [...this.#links.values()];
    this.#links.clear();
    this.#learned.clear();
    await Promise.all([this.#snapshots.close(), ...links.map((link) => link.close())]);
  }

  /**
   * A leader may be a member whose addition hasn't been applied here, because only it could send that entry: so whoever
   * was let in can be answered.
   */
  met(hello: Hello): void {
    if (this.#closed) return;
    const { memberId: id, peerUrls } = hello;
    const link = this.#links.get(id);
    if (link !== undefined) link.hint({ ...hello, peerUrls: peerUrls.slice(0, MAX_HINTED_URLS) });
    else if (this.#learned.size < this.#ports.limits.learnedPeers && peerUrls.length > 0) {
      this.#learned.add(id);
      this.#links.set(id, new Link({ id, peerUrls: peerUrls.slice(0, MAX_HINTED_URLS) }, this.#ports));
    }
  }

  parted(id: bigint): void {
    if (this.#learned.delete(id)) this.#drop(id);
  }

  #drop(id: bigint): void {
    const link = this.#links.get(id);
    this.#links.delete(id);
    void link?.close();
    this.#part(id);
  }
}
