import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../peers.js';
import { CLUSTER_ID, etcdctl, KINDS, MEMBER_ID, output, type Server, startServer } from './servers.js';

const MEMBER = '8e9e05c52164694d';

describe.skipIf(peer('etcdctl') === undefined).each(KINDS)(
  'etcdctl on %s: members, status, health',
  (kind) => {
    let server: Server & { stop(): Promise<void> };
    const ctl = (...args: readonly string[]) => output(server, ...args);
    beforeAll(async () => {
      server = await startServer(kind);
    });
    afterAll(() => server?.stop());

    test('member list: the default identity, in each format', async () => {
      expect(await ctl('member', 'list')).toBe(
        `${MEMBER}, started, default, http://localhost:2380, http://localhost:2379, false\n`,
      );
      expect(await ctl('member', 'list', '-w', 'json')).toBe(
        `{"header":{"cluster_id":${CLUSTER_ID},"member_id":${MEMBER_ID},"raft_term":2},"members":[{"ID":${MEMBER_ID},"name":"default","peerURLs":["http://localhost:2380"],"clientURLs":["http://localhost:2379"]}]}\n`,
      );
      const table = await ctl('member', 'list', '-w', 'table');
      expect(table).toContain(
        `| ${MEMBER} | started | default | http://localhost:2380 | http://localhost:2379 |      false |`,
      );
    });

    test('endpoint status: one leader, its indexes equal and growing', async () => {
      const status = async () => JSON.parse(await ctl('endpoint', 'status', '-w', 'json').then(exactIds))[0];
      const before = await status();
      expect(before.Endpoint).toBe(server.endpoint);
      const { Status } = before;
      expect(Status.leader).toBe(String(MEMBER_ID));
      expect(Status.header).toMatchObject({
        member_id: String(MEMBER_ID),
        cluster_id: String(CLUSTER_ID),
        raft_term: 2,
      });
      expect(Status.version).toMatch(/^3\.4\.\d+$/);
      expect(Status.raftTerm).toBe(2);
      expect(Status.raftAppliedIndex).toBe(Status.raftIndex);
      expect(Status.dbSize).toBeGreaterThan(0);
      expect(Status.dbSizeInUse).toBeLessThanOrEqual(Status.dbSize);
      await ctl('put', 'one', 'more');
      const { Status: after } = await status();
      expect(after.raftIndex).toBe(Status.raftIndex + 1);
      expect(after.header.revision).toBe(Status.header.revision + 1);
    });

    test('endpoint status as a table', async () => {
      const [, head, , row] = (await ctl('--write-out=table', 'endpoint', 'status')).split('\n');
      const cells = (line = ''): string[] => line.split('|').map((cell) => cell.trim());
      expect(cells(head)).toEqual(
        '|ENDPOINT|ID|VERSION|DB SIZE|IS LEADER|IS LEARNER|RAFT TERM|RAFT INDEX|RAFT APPLIED INDEX|ERRORS|'.split(
          '|',
        ),
      );
      const [, endpoint, id, version, size, leader, learner, term, index, applied, errors] = cells(row);
      expect([endpoint, id, leader, learner, term, errors]).toEqual([
        server.endpoint,
        MEMBER,
        'true',
        'false',
        '2',
        '',
      ]);
      expect(version).toMatch(/^3\.4\.\d+$/);
      expect(size).toMatch(/^\d+(\.\d+)? [kM]?B$/);
      expect(applied).toBe(index);
    });

    test('endpoint health', async () => {
      const { code, stdout, stderr } = await etcdctl(server, ['endpoint', 'health']);
      expect(code).toBe(0);
      expect(`${stdout}${stderr}`).toMatch(
        new RegExp(
          `^${server.endpoint} is healthy: successfully committed proposal: took = [\\d.]+[mµ]?s\n$`,
        ),
      );
    });

    test('alarms: none, and disarming none', async () => {
      expect(await ctl('alarm', 'list')).toBe('');
      expect(await ctl('alarm', 'disarm')).toBe('');
    });

    test('/health and /version over HTTP on the same port', async () => {
      const get = (path: string) => fetch(`http://${server.endpoint}${path}`);
      expect(await (await get('/health')).text()).toMatch(/^\{"health":"true"(,"reason":"")?\}\n?$/);
      const version = (await (await get('/version')).json()) as Record<string, string>;
      expect(version.etcdserver).toMatch(/^3\.4\.\d+$/);
      expect(version.etcdcluster).toBe('3.4.0');
      expect((await get('/metrics')).status).toBe(200);
      expect((await get('/nowhere')).status).toBe(404);
    });
  },
);

/** IDs as text, since they don't fit a JavaScript number. */
function exactIds(json: string): string {
  return json.replace(/:(\d{16,})/g, ':"$1"');
}
