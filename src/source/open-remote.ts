import type { PollPorts } from './polled.js';
import type { RemoteSpec, RemoteStore } from './remote.js';
import { type KeyStore, RereadSource } from './reread.js';

/** A source of another store's keys. Each store's client is loaded only where it is used. */
export async function openRemote(spec: RemoteSpec, ports: PollPorts): Promise<RereadSource> {
  const { clock, random } = ports;
  const { intervalMs, watch, timing } = spec;
  return new RereadSource(await storeOf(spec, ports), { clock, random, intervalMs, watch, timing });
}

async function storeOf(spec: RemoteStore, { clock }: PollPorts): Promise<KeyStore> {
  switch (spec.type) {
    case 'consul': {
      const { ConsulStore } = await import('./consul.js');
      return new ConsulStore(spec, clock);
    }
    case 'redis': {
      const { RedisStore } = await import('./redis.js');
      return new RedisStore(spec);
    }
    case 'zookeeper': {
      const { ZookeeperStore } = await import('./zookeeper.js');
      return new ZookeeperStore(spec, clock);
    }
    case 'vault': {
      const { VaultStore } = await import('./vault.js');
      return new VaultStore(spec);
    }
  }
}
