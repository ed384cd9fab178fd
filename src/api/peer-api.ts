import { Server, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { MemberService } from '../member/types.js';
import { PeerService } from '../proto/generated/peer.js';
import { members } from './http/members.js';
import { type HttpHandler, httpRouter } from './http/router.js';
import { type ApiVersions, version } from './http/version.js';
import { ClientListener } from './listener.js';

const MAX_BODY_BYTES = 64 * 1024;

export interface PeerApiOptions {
  readonly service: UntypedServiceImplementation;
  readonly clock: Clock;
  readonly log: Log;
  readonly versions: ApiVersions;
}

/** What other members reach: who belongs to the cluster, and which version this one speaks. */
export class PeerApi {
  readonly #listener: ClientListener;

  readonly #routes: Map<string, HttpHandler>;

  constructor({ service, clock, log, versions }: PeerApiOptions) {
    this.#routes = new Map([['/version', version(versions)]]);
    const grpc = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': -1 });
    grpc.addService(PeerService, service);
    this.#listener = new ClientListener({
      grpc,
      http: httpRouter(this.#routes, MAX_BODY_BYTES, log),
      clock,
      log,
    });
  }

  attach(member: MemberService): void {
    this.#routes.set('/members', members(member));
  }

  /** As {@link ClientApi.listen}. */
  listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    return this.#listener.listen(url, instead);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}
