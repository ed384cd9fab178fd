import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import { NodeRandom } from '../io/node/random.js';
import type { Source } from '../source/types.js';

/** Where keys come from, if not from this process's own member. */
export interface RemoteSourceSettings {
  readonly backend: 'etcdv3' | 'env' | 'file';
  readonly nodes: readonly string[];
  readonly files: readonly string[];
}

const DEFAULT_NODE = '127.0.0.1:2379';

/** Loads only the code of the source asked for: a one-shot render waits for it. */
export async function remoteSource(settings: RemoteSourceSettings, clock: Clock): Promise<Source> {
  switch (settings.backend) {
    case 'etcdv3': {
      const { EtcdV3Source } = await import('../source/etcdv3.js');
      const endpoints = settings.nodes.length > 0 ? settings.nodes : [DEFAULT_NODE];
      return new EtcdV3Source({ endpoints, clock, random: new NodeRandom() });
    }
    case 'env': {
      const { EnvSource } = await import('../source/env.js');
      return new EnvSource(process.env);
    }
    case 'file': {
      if (settings.files.length === 0) {
        throw new ConfetdError(
          'usage',
          'the file backend needs --file PATH, once for each YAML or JSON file',
        );
      }
      const { FileSource } = await import('../source/file.js');
      return new FileSource(settings.files, async (paths, tell) => {
        const { watchPaths } = await import('../confdir/watch.js');
        return watchPaths(paths, { clock, ...tell });
      });
    }
  }
}
