import { Client, credentials, type Metadata, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { ClientApi, type ClientApiOptions } from '../../../src/api/client-api.js';
import { silentLog } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { FakeMember } from './fake-member.js';

/** An API on a real port, with a real client. */
export class Harness {
  readonly member: FakeMember;
  readonly api: ClientApi;
  port = 0;
  #client: Client | undefined;

  private constructor(member: FakeMember, api: ClientApi) {
    this.member = member;
    this.api = api;
  }

  static async start(options: Partial<ClientApiOptions> = {}): Promise<Harness> {
    const member = new FakeMember();
    const api = new ClientApi({
      member,
      clock: new NodeClock(),
      log: silentLog,
      versions: { server: '3.4.23', cluster: '3.4.0' },
      electionTimeoutMs: 20,
      ...options,
    });
    const harness = new Harness(member, api);
    harness.port = (await api.listen('http://127.0.0.1:0', 'confetd --listen-client-urls …')).port;
    return harness;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get client(): Client {
    this.#client ??= new Client(`127.0.0.1:${this.port}`, credentials.createInsecure(), {
      'grpc.enable_channelz': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
    });
    return this.#client;
  }

  /** A unary call. */
  call<Q, R>(method: MethodDefinition<Q, R>, request: Q, metadata?: Metadata): Promise<R> {
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: R) => {
        if (error !== null) reject(error);
        else resolve(response as R);
      };
      const { path, requestSerialize, responseDeserialize } = method;
      if (metadata === undefined) {
        this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
      } else {
        this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, done);
      }
    });
  }

  /** How a unary call failed. */
  async refusal<Q, R>(
    method: MethodDefinition<Q, R>,
    request: Q,
    metadata?: Metadata,
  ): Promise<{ code: number; details: string }> {
    try {
      await this.call(method, request, metadata);
    } catch (error) {
      const { code, details } = error as ServiceError;
      return { code, details };
    }
    throw new Error('the call succeeded');
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.api.close();
  }
}
