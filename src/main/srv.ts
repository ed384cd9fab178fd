import { promises as dns, type SrvRecord } from 'node:dns';
import { ConfetdError, messageOf } from '../base/errors.js';
import type { DaemonFlags } from './flags.js';

export type LookupSrv = (record: string) => Promise<readonly SrvRecord[]>;

/**
 * The flags with the nodes that a SRV record names, where --srv-record or --srv-domain asks for one: the preferred ones
 * first (RFC 2782: a lower priority, then a higher weight). Fails with `source`, naming the record.
 */
export async function withSrvNodes(
  flags: DaemonFlags,
  log: { info(fields: object, message: string): void },
  lookup: LookupSrv = (record) => dns.resolveSrv(record),
): Promise<DaemonFlags> {
  const record = recordOf(flags);
  if (record === undefined) return flags;
  log.info({}, `SRV record set to ${record}`);
  let found: readonly SrvRecord[];
  try {
    found = await lookup(record);
  } catch (error) {
    throw new ConfetdError('source', `Cannot get nodes from SRV records: ${record}: ${messageOf(error)}`);
  }
  if (found.length === 0) {
    throw new ConfetdError('source', `Cannot get nodes from SRV records: ${record} names none`);
  }
  const sorted = [...found].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const scheme = ['etcd', 'etcdv3', 'vault'].includes(flags.backend) ? `${flags.scheme}://` : '';
  const node = sorted.map(({ name, port }) => `${scheme}${hostOf(name)}:${port}`);
  return { ...flags, node };
}

function recordOf(flags: DaemonFlags): string | undefined {
  const { backend } = flags;
  if (['embedded', 'env', 'file'].includes(backend)) return undefined;
  if (flags['srv-record'] !== '') return flags['srv-record'];
  const domain = flags['srv-domain'].replace(/\.$/, '');
  return domain === '' ? undefined : `_${backend}._tcp.${domain}.`;
}

function hostOf(name: string): string {
  const host = name.replace(/\.$/, '');
  return host.includes(':') ? `[${host}]` : host;
}
