import { writeFile } from 'node:fs/promises';
import https from 'node:https';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClientListener } from '../../../src/api/listener.js';
import { PeerApi } from '../../../src/api/peer-api.js';
import { type ListenerTls, loadTls, type TlsFiles } from '../../../src/api/tls.js';
import type { Log } from '../../../src/io/log.js';
import { NodeClock } from '../../../src/io/node/clock.js';
import {
  type PeerRequest,
  type PeerResponse,
  PeerService,
  Refusal,
} from '../../../src/proto/generated/peer.js';
import type { PeerTls } from '../../../src/transport/dial.js';
import { GrpcNetwork } from '../../../src/transport/grpc-network.js';
import type { Transport } from '../../../src/transport/types.js';
import { append, eventually, FakeHost, helloOf, QUICK } from '../transport/harness.js';
import { Certificates, type Pair } from './certificates.js';
import { FakeMember } from './fake-member.js';

const clock = new NodeClock();
const versions = { server: '3.4.23', cluster: '3.4.0' };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

class Lines implements Log {
  readonly warnings: string[] = [];
  debug(): void {}
  info(): void {}
  warn(_fields: object, line: string): void {
    this.warnings.push(line);
  }
  error(): void {}
}

interface Member {
  readonly network: GrpcNetwork;
  readonly api: PeerApi;
  readonly url: string;
  readonly host: FakeHost;
  readonly log: Lines;
  connect(): Transport;
}

async function listen(id: bigint, tls?: ListenerTls, dialTls: PeerTls | undefined = tls): Promise<Member> {
  const log = new Lines();
  const network = new GrpcNetwork({
    clock,
    log,
    limits: { ...QUICK, handshakeMs: 3_000, silenceMs: 3_000 },
    ...(dialTls === undefined ? {} : { tls: dialTls }),
  });
  const api = new PeerApi({
    service: network.service,
    clock,
    log,
    versions,
    listener: { firstBytesMs: 3_000, graceMs: 200 },
    ...(tls === undefined ? {} : { tls }),
  });
  const scheme = tls === undefined ? 'http' : 'https';
  const { port } = await api.listen(`${scheme}://127.0.0.1:0`, '');
  const url = `${scheme}://127.0.0.1:${port}`;
  const host = new FakeHost(helloOf(id, [url]));
  closing.push(() => api.close());
  const connect = (): Transport => {
    const transport = network.connect(host);
    closing.push(() => transport.close());
    return transport;
  };
  return { network, api, url, host, log, connect };
}

const DESCRIBE: PeerRequest = { hello: undefined, to: 0n, kind: { $case: 'describe', value: { about: 0n } } };

describe('the peer port', () => {
  it('answers before there is a member, and then as the member', async () => {
    const one = await listen(1n);
    const asking = await listen(2n);
    expect((await fetch(`${one.url}/version`)).status).toBe(200);
    expect((await fetch(`${one.url}/members`)).status).toBe(503);
    await expect(asking.network.call(one.url, DESCRIBE, 2_000)).rejects.toMatchObject({
      code: 'unavailable',
      message: `${one.url}: the member is starting`,
    });
    one.api.attach(new FakeMember());
    one.connect();
    expect((await fetch(`${one.url}/members`)).status).toBe(200);
    await expect(asking.network.call(one.url, DESCRIBE, 2_000)).resolves.toMatchObject({
      refusal: Refusal.ADMITTED,
    });
  });

  it('carries messages, and lets go of them when it closes', async () => {
    const one = await listen(1n);
    const two = await listen(2n);
    const transport = one.connect();
    two.connect();
    transport.setPeers([{ id: 2n, peerUrls: [two.url] }]);
    await eventually(() => transport.activeSince(2n) !== undefined);
    transport.send([append(1n, 2n, 1, 10)]);
    await two.host.until(() => two.host.received.length === 1);
    await two.api.close();
    await eventually(() => transport.activeSince(2n) === undefined);
  });
});

describe('TLS', () => {
  let files: Certificates;
  let authority: Pair;
  let good: Pair;
  beforeAll(async () => {
    files = await Certificates.create();
    authority = await files.authority('authority');
    good = await files.issue('good', authority, 'IP:127.0.0.1');
  });
  afterAll(() => files.remove());

  async function load(pair: Pair, ca: Pair | undefined, clientCertAuth = false, log: Log = new Lines()) {
    const tls = await loadTls({ ...pair, trustedCaFile: ca?.certFile ?? '', clientCertAuth }, 'peer-', {
      clock,
      log,
    });
    if (tls === undefined) throw new Error('no TLS');
    return tls;
  }

  it('carries messages, calls and HTTP/1 between members that vouch for each other', async () => {
    const tls = await load(good, authority, true);
    const one = await listen(1n, tls);
    const two = await listen(2n, tls);
    const transport = one.connect();
    two.connect();
    transport.setPeers([{ id: 2n, peerUrls: [two.url] }]);
    transport.send([append(1n, 2n, 1, 10)]);
    await two.host.until(() => two.host.received.length === 1);
    transport.send([append(1n, 2n, 2, 3_000_000)]);
    await two.host.until(() => two.host.received.length === 2);
    await expect(one.network.call(two.url, DESCRIBE, 2_000)).resolves.toMatchObject({
      refusal: Refusal.ADMITTED,
    });
    const body = await new Promise<string>((resolve, reject) => {
      const { ca, cert, key } = tls;
      https
        .get(
          `${two.url}/version`,
          { ...(ca === undefined ? {} : { ca }), cert, key, agent: false },
          (response) => {
            response.setEncoding('utf8').on('data', resolve);
          },
        )
        .on('error', reject);
    });
    expect(body).toBe('{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}');
  });

  it('is spoken by a server of grpc-js behind the same listener, and by its clients', async () => {
    const { Server } = await import('@grpc/grpc-js');
    const tls = await load(good, authority);
    const grpc = new Server();
    grpc.addService(PeerService, {
      messages: () => {},
      installSnapshot: () => {},
      call: (_call: unknown, done: (error: null, response: PeerResponse) => void) =>
        done(null, { refusal: Refusal.ADMITTED, error: undefined, kind: undefined }),
    });
    const listener = new ClientListener({ grpc, http: () => {}, clock, log: new Lines(), tls });
    closing.push(() => listener.close());
    const { port } = await listener.listen('https://127.0.0.1:0', '');
    const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(tls.ca ?? null));
    closing.push(async () => client.close());
    const { path, requestSerialize, responseDeserialize } = PeerService.call;
    const answer = await new Promise<PeerResponse | undefined>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, DESCRIBE, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    expect(answer?.refusal).toBe(Refusal.ADMITTED);
  });

  it.each<[string, string, (names: Certificates) => Promise<[ListenerTls, PeerTls]>, RegExp, RegExp]>([
    [
      'a server of another CA',
      'the caller',
      async (made) => {
        const other = await made.authority('other-a');
        return [
          await load(await made.issue('server-a', other, 'IP:127.0.0.1'), undefined),
          await load(good, authority),
        ];
      },
      /no certificate of --peer-trusted-ca-file vouches for the member's certificate/,
      /it may not trust our certificate/,
    ],
    [
      'a server whose certificate has expired',
      'the caller',
      async (made) => [
        await load(await made.issue('server-b', authority, 'IP:127.0.0.1', true), undefined),
        await load(good, authority),
      ],
      /the member's certificate has expired/,
      /it may not trust our certificate/,
    ],
    [
      'a server with a certificate for another name',
      'the caller',
      async (made) => [
        await load(await made.issue('server-c', authority, 'IP:10.0.0.1'), undefined),
        await load(good, authority),
      ],
      /is for other names/,
      /it may not trust our certificate, or not take its names/,
    ],
    [
      'a caller without a certificate',
      'the server',
      async () => {
        const { ca } = await load(good, authority);
        return [await load(good, authority, true), ca === undefined ? {} : { ca }];
      },
      /asks for a certificate of ours/,
      /shows no certificate/,
    ],
    [
      'a caller of another CA',
      'the server',
      async (made) => {
        const other = await made.authority('other-d');
        const pair = await load(await made.issue('caller-d', other, 'IP:127.0.0.1'), undefined);
        const { ca } = await load(good, authority);
        return [await load(good, authority, true), ca === undefined ? pair : { ...pair, ca }];
      },
      /closed the connection|connection is gone|does not take our certificate/,
      /no certificate of the trusted CA file vouches for the other side's certificate/,
    ],
    [
      'a caller whose certificate has expired',
      'the server',
      async (made) => {
        const pair = await load(await made.issue('caller-e', authority, 'IP:127.0.0.1', true), authority);
        return [await load(good, authority, true), pair];
      },
      /closed the connection|connection is gone|does not take our certificate/,
      /the other side's certificate has expired/,
    ],
  ])('keeps out %s, and %s says why in one sentence', async (_who, _where, make, calling, serving) => {
    const [serverTls, clientTls] = await make(files);
    const server = await listen(2n, serverTls);
    server.connect();
    const caller = await listen(1n, undefined, clientTls);
    await expect(caller.network.call(server.url, DESCRIBE, 1_000)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(calling) as string,
    });
    await eventually(() => server.log.warnings.length > 0);
    expect(server.log.warnings[0]).toMatch(serving);
    const transport = caller.connect();
    transport.setPeers([{ id: 2n, peerUrls: [server.url] }]);
    await eventually(() => caller.log.warnings.length > 0 || server.log.warnings.length > 0);
    expect(transport.activeSince(2n)).toBeUndefined();
    expect(server.host.received).toEqual([]);
  });

  it('and no TLS do not take each other for garbage', async () => {
    const secure = await listen(1n, await load(good, authority));
    const plain = await listen(2n, undefined, await load(good, authority));
    await expect(
      plain.network.call(secure.url.replace('https', 'http'), DESCRIBE, 1_000),
    ).rejects.toMatchObject({
      code: 'unavailable',
    });
    await eventually(() => secure.log.warnings.length > 0);
    expect(secure.log.warnings[0]).toMatch(/speaks no TLS/);
    await expect(
      plain.network.call(plain.url.replace('http', 'https'), DESCRIBE, 1_000),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/no TLS is spoken there/) as string,
    });
  });

  it.each<[string, () => Promise<TlsFiles>, RegExp]>([
    [
      'a missing certificate',
      async () => ({ certFile: '/nowhere.crt', keyFile: good.keyFile }),
      /^--peer-cert-file \/nowhere\.crt: there is no such file$/,
    ],
    [
      'a missing key',
      async () => ({ certFile: good.certFile, keyFile: '/nowhere.key' }),
      /^--peer-key-file \/nowhere\.key: there is no such file$/,
    ],
    [
      'a missing CA',
      async () => ({ ...good, trustedCaFile: '/nowhere.ca' }),
      /^--peer-trusted-ca-file \/nowhere\.ca: there is no such file$/,
    ],
    [
      'no key',
      async () => ({ certFile: good.certFile, keyFile: '' }),
      /^--peer-cert-file needs --peer-key-file/,
    ],
    [
      'no certificate',
      async () => ({ certFile: '', keyFile: good.keyFile }),
      /^--peer-key-file needs --peer-cert-file/,
    ],
    [
      'a CA alone',
      async () => ({ certFile: '', keyFile: '', trustedCaFile: authority.certFile }),
      /^--peer-trusted-ca-file needs --peer-cert-file/,
    ],
    [
      'client certificates and no CA',
      async () => ({ ...good, clientCertAuth: true }),
      /^--peer-client-cert-auth needs --peer-trusted-ca-file/,
    ],
    [
      'the key of another certificate',
      async () => ({ certFile: good.certFile, keyFile: authority.keyFile }),
      /^--peer-key-file .*authority\.key is not the key of --peer-cert-file .*good\.crt$/,
    ],
    [
      'a certificate that is none',
      async () => {
        await writeFile(files.path('garbage.crt'), 'garbage');
        return { certFile: files.path('garbage.crt'), keyFile: good.keyFile };
      },
      /^--peer-cert-file .*garbage\.crt holds no certificate/,
    ],
    [
      'a key that is none',
      async () => ({ certFile: good.certFile, keyFile: good.certFile }),
      /^--peer-key-file .*good\.crt holds no private key/,
    ],
  ])('is refused with %s, naming flag and file', async (_what, make, sentence) => {
    await expect(loadTls(await make(), 'peer-', { clock, log: new Lines() })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(sentence) as string,
    });
  });

  it('warns of a certificate that has expired, and of none without flags', async () => {
    const log = new Lines();
    await load(await files.issue('old', authority, 'IP:127.0.0.1', true), authority, false, log);
    expect(log.warnings).toEqual([
      expect.stringMatching(/^--peer-cert-file .*old\.crt has expired/) as string,
    ]);
    expect(await loadTls({ certFile: '', keyFile: '' }, '', { clock, log })).toBeUndefined();
  });
});
