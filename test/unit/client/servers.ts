import type { ServiceDefinition } from '@grpc/grpc-js';
import {
  status as grpcStatus,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterEach } from 'vitest';
import { Client } from '../../../src/client/client.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import { NodeRandom } from '../../../src/io/node/random.js';
import { freePort } from '../../etcd.js';

/** A gRPC server in this process, for what a real etcd can't be made to do. */
export interface FakeServer {
  readonly endpoint: string;
  stop(): void;
}

export async function serve(
  services: readonly (readonly [ServiceDefinition, UntypedServiceImplementation])[],
): Promise<FakeServer> {
  const server = new Server();
  for (const [definition, implementation] of services) server.addService(definition, implementation);
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return { endpoint: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

export const KEY = Buffer.from('k');
/** Nothing listens there. */
export const NOBODY = '127.0.0.1:1';
export const header = (revision: number, clusterId = 7n, raftTerm = 2) => ({
  clusterId,
  memberId: 1n,
  revision,
  raftTerm,
});

/** Closed after each test. */
export const opened: { close?(): void; stop?(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) {
    each.close?.();
    each.stop?.();
  }
});

export function clientOf(
  endpoints: readonly string[],
  options: { requestTimeoutMs?: number; dialTimeoutMs?: number } = {},
): Client {
  const client = new Client({ clock: new NodeClock(), random: new NodeRandom(), endpoints, ...options });
  opened.push(client);
  return client;
}

/** Ends a stream as a member does that goes away. */
export function cut(stream: { emit(event: 'error', error: object): boolean }): void {
  stream.emit('error', { code: grpcStatus.UNAVAILABLE, details: 'cut' });
}
