import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { members } from '../../../../src/api/http/members.js';
import { httpRouter } from '../../../../src/api/http/router.js';
import { silentLog } from '../../../../src/io/log.js';
import { FakeMember } from '../fake-member.js';

const member = new FakeMember();
const server = createServer(httpRouter(new Map([['/members', members(member)]]), 1_024, silentLog));
afterEach(() => {
  server.close();
});

test('/members is etcd’s JSON: exact numbers, and nothing of what a member has not told yet', async () => {
  member.members.push({
    ID: 18032887552143772429n,
    name: '',
    peerURLs: ['http://127.0.0.1:23811'],
    clientURLs: [],
    isLearner: true,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/members`);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.text()).toBe(
    '[{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default","clientURLs":["http://localhost:2379"]},' +
      '{"id":18032887552143772429,"peerURLs":["http://127.0.0.1:23811"],"isLearner":true}]\n',
  );
});
