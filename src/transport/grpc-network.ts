import { assert } from '../base/assert.js';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { Random } from '../io/random.js';
import type { PeerRequest, PeerResponse } from '../proto/generated/peer.js';
import { dial, type PeerTls } from './dial.js';
import { DEFAULT_PEER_LIMITS, type PeerLimits } from './limits.js';
import { MessageEncoder } from './message-encoder.js';
import { PeerServer } from './peer-server.js';
import { PeerTransport } from './transport.js';
import type { PeerHost, PeerNetwork, Transport } from './types.js';
import { unaryCall } from './unary-call.js';

export interface GrpcNetworkOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For jitter between tries; without it there is none. */
  readonly random?: Random;
  /** For peers with https:// URLs. */
  readonly tls?: PeerTls;
  readonly limits?: Partial<PeerLimits>;
}

/** The network of real members: gRPC over HTTP/2 on their peer ports. */
export class GrpcNetwork implements PeerNetwork {
  /** What this member serves to the others; to be given to the peer port's listener, at once. */
  readonly service: PeerServer;
  readonly #options: GrpcNetworkOptions;
  readonly #limits: PeerLimits;
  #host: PeerHost | undefined;
  #dialled = 0;

  constructor(options: GrpcNetworkOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_PEER_LIMITS, ...options.limits };
    this.service = new PeerServer({ clock: options.clock, log: options.log, limits: this.#limits });
  }

  async call(url: string, request: PeerRequest, timeoutMs: number): Promise<PeerResponse> {
    const { clock, tls } = this.#options;
    if (this.#dialled >= this.#limits.dialledCalls) {
      throw new ConfetdError(
        'unavailable',
        `${url}: too many calls to members that can't be reached are under way`,
      );
    }
    this.#dialled++;
    try {
      const beganMs = clock.monotonicMs();
      const session = await dial(url, { clock, tls, limits: this.#limits }, timeoutMs);
      try {
        const hello = request.hello ?? this.#host?.hello;
        const leftMs = Math.max(1, timeoutMs - (clock.monotonicMs() - beganMs));
        return await unaryCall(session, { ...request, hello }, clock, leftMs);
      } finally {
        session.destroy();
      }
    } finally {
      this.#dialled--;
    }
  }

  connect(host: PeerHost): Transport {
    assert(this.#host === undefined, 'a network is connected twice');
    this.#host = host;
    const { clock, log, random, tls } = this.#options;
    const transport = new PeerTransport(
      { clock, log, random, tls, limits: this.#limits, host, encoder: new MessageEncoder() },
      (url, request, timeoutMs) => this.call(url, request, timeoutMs),
      (id) => this.service.part(id),
    );
    this.service.connect(host, transport);
    return transport;
  }
}
