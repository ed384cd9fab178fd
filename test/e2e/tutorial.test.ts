import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../child.js';
import { scratch, writeFiles } from '../daemon.js';
import { peer } from '../peers.js';

const fixture = (name: string): string => readFileSync(`test/fixtures/gotemplate/${name}`, 'utf8');
const nginx = peer('nginx');

/**
 * What a new machine is to the tutorial: its own /etc, /tmp and /var/log, and loopback with the default ports free. Gone
 * with its last process, which is gone with the first one. Takes a folder that is /mnt in there, and the checkout.
 */
const MACHINE = `set -eu
ip link set lo up
mount --bind "$1" /mnt
mount --bind "$2" /mnt/repo
cp -a /etc/. /mnt/etc
mount --bind /mnt/etc /etc
mount --bind /mnt/log /var/log
mount --bind /mnt/tmp /tmp
ln -s /mnt/repo/bin/confetd.cjs /mnt/bin/confetd
PATH=/mnt/bin:$PATH
cd /
exec bash -eu /mnt/tutorial.sh
`;
const ENTER = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];

function canEnter(): boolean {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && spawnSync('unshare', [...ENTER, 'ip', 'link', 'set', 'lo', 'up']).status === 0) return true;
  process.stderr.write('skipped: the tutorial needs root, and namespaces of its own (unshare, ip)\n');
  return false;
}

/** Its commands in its order; the files are put where it shows them with cat. */
const TUTORIAL = `
nohup $SERVER --name etcd_test --data-dir /tmp/etcd_test >>/var/log/etcd_test.log 2>&1 &
until ETCDCTL_API=3 etcdctl endpoint health >/dev/null 2>&1; do sleep 0.05; done

ETCDCTL_API=3 etcdctl put foo bar
ETCDCTL_API=3 etcdctl put "/docker/node/n01" "192.168.100.111"
ETCDCTL_API=3 etcdctl put "/docker/node/n02" "192.168.100.112"
ETCDCTL_API=3 etcdctl put "/docker/node/n03" "192.168.100.113"
ETCDCTL_API=3 etcdctl put "/docker/service/s01" "1005"
ETCDCTL_API=3 etcdctl put "/docker/service/s02" "1007"

mkdir -p /etc/confd/{conf.d,templates}
cp /mnt/nginx.tmpl /etc/confd/templates/nginx.tmpl
cp /mnt/nginx.toml /etc/confd/conf.d/nginx.toml

confetd -onetime -backend etcdv3 -node http://127.0.0.1:2379 >/dev/null 2>&1 && cat /tmp/myapp.conf >/mnt/printed
stat -c '%u %a' /tmp/myapp.conf >/mnt/owner
`;

/** Without the semicolon that the tutorial's template lacks no nginx takes the file: a check_cmd would have said so. */
const CHECKED = `
cat > /tmp/check.conf <<'END'
pid /tmp/nginx.pid;
error_log /tmp/nginx.log;
events {}
http { access_log off; include STAGED; }
END
check='check_cmd = "c=$(mktemp) && sed s:STAGED:{{.src}}: /tmp/check.conf > $c && $NGINX_PROGRAM -t -c $c"'
echo "$check" >> /etc/confd/conf.d/nginx.toml
sed -i 's|/tmp/myapp.conf|/tmp/checked.conf|' /etc/confd/conf.d/nginx.toml
confetd -onetime -backend etcdv3 -node http://127.0.0.1:2379 >/dev/null 2>/mnt/refused && exit 1
test ! -e /tmp/checked.conf
sed -i 's|{{$port}}{{end}}|{{$port}};{{end}}|' /etc/confd/templates/nginx.tmpl
confetd -onetime -backend etcdv3 -node http://127.0.0.1:2379 >/dev/null 2>&1
cp /tmp/checked.conf /mnt/checked
`;

interface Outcome {
  readonly printed: Buffer;
  /** Number and mode of the file. */
  readonly owner: string;
  readonly folder: string;
}

async function follow(script: string, toml: string): Promise<Outcome> {
  const folder = scratch();
  for (const name of ['repo', 'etc', 'log', 'tmp', 'bin']) mkdirSync(join(folder, name));
  writeFiles(folder, {
    'nginx.toml': toml,
    'nginx.tmpl': fixture('tutorial-nginx.tmpl'),
    'tutorial.sh': script,
    'machine.sh': MACHINE,
  });
  const result = await run('unshare', [...ENTER, 'bash', join(folder, 'machine.sh'), folder, resolve('.')], {
    timeoutMs: 30_000,
  });
  expect(result, result.stderr).toMatchObject({ code: 0 });
  const made = (name: string): Buffer => readFileSync(join(folder, name));
  return { printed: made('printed'), owner: made('owner').toString().trim(), folder };
}

/** Someone who has no such user yet, and someone whose package brought one. */
const WITHOUT_NGINX = "sed -i '/^nginx:/d' /etc/passwd\n";
const WITH_NGINX = `${WITHOUT_NGINX}echo 'nginx:x:4242:4242::/nonexistent:/usr/sbin/nologin' >> /etc/passwd\n`;
const toml = fixture('tutorial-nginx.toml');

describe.skipIf(!canEnter() || peer('etcdctl') === undefined)('the tutorial on a new machine', () => {
  const servers = peer('etcd') === undefined ? ['confetd'] : ['etcd', 'confetd'];

  describe.each(servers)('with %s for its etcd', (server) => {
    const start = `SERVER=${server}\n`;

    test('its command, default folder and ports included, prints the 881 bytes; its owner gets the file', async () => {
      const { printed, owner } = await follow(start + WITH_NGINX + TUTORIAL, toml);
      expect(printed).toHaveLength(881);
      expect(printed.toString()).toBe(fixture('tutorial-nginx.conf'));
      expect(owner).toBe('4242 644');
    }, 60_000);

    test('on a host that has no user nginx too: the file is root’s', async () => {
      const { printed, owner } = await follow(start + WITHOUT_NGINX + TUTORIAL, toml);
      expect(printed.toString()).toBe(fixture('tutorial-nginx.conf'));
      expect(owner).toBe('0 644');
    }, 60_000);

    test('without the owner’s line', async () => {
      const { printed, owner } = await follow(
        start + WITH_NGINX + TUTORIAL,
        toml.replace('owner = "nginx"\n', ''),
      );
      expect(printed.toString()).toBe(fixture('tutorial-nginx.conf'));
      expect(owner).toBe('0 644');
    }, 60_000);

    test.skipIf(nginx === undefined)(
      'nginx refuses the printed file for a missing semicolon: with a check_cmd nothing is written until it is there',
      async () => {
        const script = `${start}export NGINX_PROGRAM=${nginx}\n${WITHOUT_NGINX}${TUTORIAL}${CHECKED}`;
        const { folder } = await follow(script, toml);
        const refused = readFileSync(join(folder, 'refused'), 'utf8');
        expect(refused).toMatch(/ERROR Config check failed: exit 1/);
        expect(refused).toContain('unexpected "}"');
        const semicolons = fixture('tutorial-nginx.conf').replace(/^( {4}server [\d.:]+)$/gm, '$1;');
        expect(readFileSync(join(folder, 'checked'), 'utf8')).toBe(semicolons);
      },
      60_000,
    );
  });
});
