import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { MemberService } from '../member/types.js';
import { members } from './http/members.js';
import { type HttpHandler, httpRouter } from './http/router.js';
import { sendJson } from './http/send.js';
import { type ApiVersions, version } from './http/version.js';
import { ClientListener, type Http2Service, type ListenerLimits } from './listener.js';
import type { ListenerTls } from './tls.js';

const MAX_BODY_BYTES = 64 * 1024;

export interface PeerApiOptions {
  /** What members offer each other: GrpcNetwork's. */
  readonly service: Http2Service;
  readonly clock: Clock;
  readonly log: Log;
  readonly versions: ApiVersions;
  /** For https:// URLs. */
  readonly tls?: ListenerTls;
  readonly listener?: Partial<ListenerLimits>;
}

/**
 * What other members reach: their gRPC service, who belongs to the cluster, and which version this one speaks. It listens
 * before there is a member, because members ask each other before they start.
 */
export class PeerApi {
  readonly #listener: ClientListener;
  #members: HttpHandler = (_request, response) =>
    sendJson(response, 503, { error: 'the member is starting' });

  constructor({ service, clock, log, versions, tls, listener }: PeerApiOptions) {
    const routes = new Map<string, HttpHandler>([
      ['/members', (request, response) => this.#members(request, response)],
      ['/version', version(versions)],
    ]);
    this.#listener = new ClientListener({
      grpc: service,
      http: httpRouter(routes, MAX_BODY_BYTES, log),
      clock,
      log,
      ...(tls === undefined ? {} : { tls }),
      ...(listener === undefined ? {} : { limits: listener }),
    });
  }

  /** There is a member now. */
  attach(member: MemberService): void {
    this.#members = members(member);
  }

  /** As {@link ClientApi.listen}. */
  listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    return this.#listener.listen(url, instead);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}
