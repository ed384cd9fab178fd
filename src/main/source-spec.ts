import { resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import type { SourceSpec } from '../render/messages.js';
import type { DaemonFlags } from './flags.js';

const DEFAULT_NODE = '127.0.0.1:2379';

/** Where templates get their keys, by the flags. Fails with `usage` where a flag is missing. */
export function sourceSpec(flags: DaemonFlags): SourceSpec {
  switch (flags.backend) {
    case 'etcd':
    case 'etcdv3':
      return { type: 'etcdv3', endpoints: flags.node.length > 0 ? flags.node : [DEFAULT_NODE] };
    case 'env':
      return { type: 'env' };
    case 'file':
      if (flags.file.length === 0) {
        throw new ConfetdError(
          'usage',
          'the file backend needs --file PATH, once for each YAML or JSON file',
        );
      }
      return { type: 'file', paths: flags.file.map((path) => resolve(path)) };
    default:
      return { type: 'embedded' };
  }
}

/** As {@link sourceSpec}, for a one-shot, which opens no data folder: its default is the member on this host. */
export function onetimeSourceSpec(flags: DaemonFlags): SourceSpec {
  return flags.backend === 'embedded' ? sourceSpec({ ...flags, backend: 'etcdv3' }) : sourceSpec(flags);
}
