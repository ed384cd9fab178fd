import { resolve } from 'node:path';
import { ConfetdError } from '../base/errors.js';
import { type InitialCluster, parseInitialCluster } from '../cluster/bootstrap.js';
import type { Config } from './config.js';
import { DEFAULT_QUOTA_BYTES } from './flags.js';

/** Of the member, where there is one. */
export interface MemberConfig {
  readonly folder: string;
  readonly cluster: InitialCluster;
  /** Any of the flags that make the identity was given. */
  readonly clusterGiven: boolean;
  readonly quotaBytes: number;
}

/** The member that the flags describe. Apart from `readConfig`, so that a one-shot doesn't load the protocol: 20 ms. */
export function memberConfig({ flags, clusterGiven }: Config): MemberConfig {
  const advertisePeerUrls = flags['initial-advertise-peer-urls'];
  const alone = advertisePeerUrls.map((url) => `${flags.name}=${url}`).join(',');
  const cluster = parseInitialCluster({
    initialCluster: flags['initial-cluster'] || alone,
    token: flags['initial-cluster-token'],
    name: flags.name,
    advertisePeerUrls,
  });
  if (flags['initial-cluster-state'] === 'existing' && flags['initial-cluster'] === '') {
    throw new ConfetdError(
      'usage',
      '--initial-cluster-state existing needs --initial-cluster: the NAME=PEER-URL of all members, as `confetctl member add` prints them',
    );
  }
  return {
    folder: resolve(flags['data-dir'] || `${flags.name}.etcd`),
    cluster,
    clusterGiven,
    quotaBytes: flags['quota-backend-bytes'] || DEFAULT_QUOTA_BYTES,
  };
}
