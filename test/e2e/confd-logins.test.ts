import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Child, run } from '../child.js';
import { confdir, confetd, rendered } from '../confd-folder.js';
import { Rpc } from '../conformance/rpc.js';
import { claimPort, eventually, fileThat, spawnConfetd, writeFiles } from '../daemon.js';
import { type RealEtcd, startEtcd } from '../etcd.js';
import { peer, peers } from '../peers.js';

describe.skipIf(!peers('etcd', 'etcdctl'))('a real etcd that wants to know who asks', () => {
  let etcd: RealEtcd;
  afterAll(() => etcd?.stop());

  test('-basic-auth -username -password: logs in, also after etcd forgot its tokens', async () => {
    etcd = await startEtcd();
    const etcdctl = (...args: readonly string[]) =>
      run(peer('etcdctl') ?? 'etcdctl', ['--endpoints', etcd.endpoint, ...args], {
        env: { ETCDCTL_API: '3' },
      });
    const rpc = new Rpc(etcd.endpoint);
    await rpc.put('/app/a', '1');
    rpc.close();
    await etcdctl('user', 'add', 'root:sesame');
    await etcdctl('user', 'grant-role', 'root', 'root');
    expect((await etcdctl('auth', 'enable')).code).toBe(0);
    const folder = confdir();
    const args = ['-backend', 'etcdv3', '-node', etcd.endpoint];
    const login = ['-basic-auth', '-username', 'root', '-password', 'sesame'];
    const stranger = await confetd(folder, [...args, '-onetime']);
    expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining('user name is empty')]);
    const wrong = await confetd(folder, [...args, ...login.slice(0, -1), 'x', '-onetime']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('invalid user ID or password')]);
    expect((await confetd(folder, [...args, ...login, '-onetime'])).code).toBe(0);
    expect(rendered(folder)).toBe('a=1 \n');
    const daemon = spawnConfetd([...args, ...login, '-watch', '-confdir', folder], { cwd: folder });
    await daemon.printed('Starting confd');
    await etcdctl('--user', 'root:sesame', 'put', '/app/a', '2');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=2 \n', { what: () => daemon.output });
    await etcd.restart();
    await etcdctl('--user', 'root:sesame', 'put', '/app/a', '3');
    await fileThat(join(folder, 'app.out'), (text) => text === 'a=3 \n', { what: () => daemon.output });
    expect((await daemon.end('SIGTERM')).code).toBe(0);
  });
});

describe.skipIf(peer('etcd') === undefined)('a real etcd behind TLS', () => {
  test('-client-ca-keys, -client-cert and -client-key; without them the reason is told', async () => {
    const folder = confdir();
    const pem = (name: string): string => join(folder, `${name}.pem`);
    const openssl = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await run('openssl', [...args], { cwd: folder });
      if (code !== 0) throw new Error(stderr);
    };
    writeFiles(folder, {
      'names.txt': 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
    });
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test CA',
      '-keyout',
      pem('ca-key'),
      '-out',
      pem('ca'),
    );
    for (const name of ['server', 'client']) {
      await openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        pem(`${name}-key`),
        '-out',
        pem(`${name}-request`),
      );
      await openssl(
        'x509',
        '-req',
        '-days',
        '2',
        '-in',
        pem(`${name}-request`),
        '-CA',
        pem('ca'),
        '-CAkey',
        pem('ca-key'),
        '-CAcreateserial',
        '-extfile',
        'names.txt',
        '-out',
        pem(name),
      );
    }
    const client = [
      '-client-ca-keys',
      pem('ca'),
      '-client-cert',
      pem('client'),
      '-client-key',
      pem('client-key'),
    ];
    const port = await claimPort();
    const urls = (at: number): string => `https://127.0.0.1:${at}`;
    const secure = new Child(peer('etcd') ?? 'etcd', [
      ...['--data-dir', join(folder, 'data'), '--log-level', 'error', '--logger', 'zap'],
      ...['--listen-client-urls', urls(port), '--advertise-client-urls', urls(port)],
      ...['--listen-peer-urls', `http://127.0.0.1:${await claimPort()}`],
      ...['--cert-file', pem('server'), '--key-file', pem('server-key')],
      ...['--client-cert-auth', '--trusted-ca-file', pem('ca')],
    ]);
    try {
      const node = ['-backend', 'etcdv3', '-node', `https://127.0.0.1:${port}`, '-onetime'];
      await eventually(
        async () => {
          const { code, stderr } = await confetd(folder, [...node, ...client, '--timeout', '2s']);
          if (code !== 0) throw new Error(stderr);
        },
        { timeoutMs: 20_000, what: () => secure.output },
      );
      expect(rendered(folder)).toBe('\n');
      const unknown = await confetd(folder, [...node, '--timeout', '2s']);
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringMatching(/certificate/)]);
      const anonymous = await confetd(folder, [...node, '-client-insecure', '--timeout', '2s']);
      expect(anonymous.code).toBe(1);
    } finally {
      await secure.end('SIGKILL');
    }
  });
});
