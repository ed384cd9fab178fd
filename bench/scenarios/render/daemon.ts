import { join } from 'node:path';
import { RenderStatusResponse } from '../../../src/proto/generated/render.js';
import { makeFolder, removeFolder } from '../../children.js';
import { LoadClient } from '../../grpc-load.js';
import { PATHS } from '../../messages.js';
import { Server } from '../../servers.js';
import { within } from '../../wait.js';
import { type Sample, writeConfdir } from './confdir.js';
import { Destinations } from './destination.js';

/** A daemon that renders `samples`, and what is needed to see it do so. */
export interface Daemon {
  readonly server: Server;
  readonly client: LoadClient;
  readonly destinations: Destinations;
  /** How often each resource was rendered since the daemon's start, by destination. */
  readonly renders: () => Promise<Map<string, number>>;
}

/** Runs `use` with a daemon; nothing of it stays. */
export async function withDaemon(
  samples: readonly Sample[],
  use: (daemon: Daemon) => Promise<void>,
): Promise<void> {
  const folder = await makeFolder('render');
  let server: Server | undefined;
  let client: LoadClient | undefined;
  let destinations: Destinations | undefined;
  try {
    await writeConfdir(folder, samples);
    destinations = new Destinations(join(folder, 'out'));
    server = await Server.start('confetd', [`--confdir=${folder}`]);
    client = await LoadClient.connect(server.endpoint);
    const calls = client;
    await use({
      server,
      client,
      destinations,
      renders: async () => {
        const answer = await within(
          10_000,
          'the renderer’s status',
          calls.call(PATHS.renderStatus, Buffer.alloc(0)),
        );
        const { resources } = RenderStatusResponse.decode(answer);
        return new Map(resources.map(({ dest, renders }) => [dest, renders]));
      },
    });
  } finally {
    client?.close();
    destinations?.close();
    await server?.remove();
    await removeFolder(folder);
  }
}
