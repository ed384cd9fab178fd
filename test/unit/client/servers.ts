import type { ServiceDefinition } from '@grpc/grpc-js';
import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
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
