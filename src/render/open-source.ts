import { watchPaths } from '../confdir/watch.js';
import type { Clock } from '../io/clock.js';
import type { Random } from '../io/random.js';
import type { Source } from '../source/types.js';
import type { SourceSpec } from './messages.js';

export interface SourcePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the member of this process is reached. */
  readonly embedded: () => Source;
}

/** A source by its description. Each kind is loaded only where it is used. */
export async function openSource(spec: SourceSpec, ports: SourcePorts): Promise<Source> {
  const { pollMs, timing } = spec;
  let source = await openKind(spec, ports);
  if (pollMs !== undefined) {
    const { PolledSource } = await import('../source/polled.js');
    source = new PolledSource(source, pollMs, ports, timing);
  }
  if (timing?.loadAttempts === undefined) return source;
  const { RetryingSource } = await import('../source/retrying.js');
  return new RetryingSource(source, timing, ports);
}

async function openKind(spec: SourceSpec, ports: SourcePorts): Promise<Source> {
  const { clock, random, env, embedded } = ports;
  switch (spec.type) {
    case 'embedded':
      return embedded();
    case 'env': {
      const { EnvSource } = await import('../source/env.js');
      return new EnvSource(env);
    }
    case 'file': {
      const { FileSource } = await import('../source/file.js');
      return new FileSource(spec.paths, (paths, tell) => watchPaths(paths, { clock, ...tell }), spec.filter);
    }
    case 'etcdv3': {
      const { EtcdV3Source } = await import('../source/etcdv3.js');
      const { ca, cert, key, skipVerify } = spec.tls ?? {};
      const tls = {
        ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
        ...(cert === undefined ? {} : { cert: Buffer.from(cert) }),
        ...(key === undefined ? {} : { key: Buffer.from(key) }),
        ...(skipVerify === undefined ? {} : { skipVerify }),
      };
      const { dialTimeoutMs, readTimeoutMs, firstRetryMs, maxRetryMs } = spec.timing ?? {};
      return new EtcdV3Source({
        endpoints: spec.endpoints,
        clock,
        random,
        ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
        ...(readTimeoutMs === undefined ? {} : { requestTimeoutMs: readTimeoutMs }),
        ...(firstRetryMs === undefined ? {} : { firstRetryMs }),
        ...(maxRetryMs === undefined ? {} : { maxRetryMs }),
        ...(spec.login === undefined ? {} : { login: spec.login }),
        ...(spec.tls === undefined ? {} : { tls }),
      });
    }
    case 'consul':
    case 'redis':
    case 'vault':
    case 'zookeeper': {
      const { openRemote } = await import('../source/open-remote.js');
      return openRemote(spec, ports);
    }
  }
}
