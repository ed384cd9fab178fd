import { Server } from '@grpc/grpc-js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { MemberService } from '../member/types.js';
import { members } from './http/members.js';
import { httpRouter } from './http/router.js';
import { type ApiVersions, version } from './http/version.js';
import { ClientListener } from './listener.js';

const MAX_BODY_BYTES = 64 * 1024;

export interface PeerApiOptions {
  readonly member: MemberService;
  readonly clock: Clock;
  readonly log: Log;
  readonly versions: ApiVersions;
}

/** What other members reach: who belongs to the cluster, and which version this one speaks. */
export class PeerApi {
  readonly #listener: ClientListener;

  constructor({ member, clock, log, versions }: PeerApiOptions) {
    const routes = new Map([
      ['/members', members(member)],
      ['/version', version(versions)],
    ]);
    this.#listener = new ClientListener({
      grpc: new Server({ 'grpc.enable_channelz': 0 }),
      http: httpRouter(routes, MAX_BODY_BYTES, log),
      clock,
      log,
    });
  }

  /** As {@link ClientApi.listen}. */
  listen(url: string, instead: string): Promise<{ host: string; port: number }> {
    return this.#listener.listen(url, instead);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}
