import { expect, test } from 'vitest';
import { parseFlags } from '../../../src/cli/flags.js';
import { settle } from '../../../src/cli/settings.js';
import { DAEMON_FLAGS } from '../../../src/main/flags.js';
import { commandWithOtherPorts } from '../../../src/main/other-ports.js';

function suggest(argv: string[]): string {
  return commandWithOtherPorts(argv, settle(DAEMON_FLAGS, parseFlags(DAEMON_FLAGS, argv)).values);
}

test('all ports move together, and everything else that was typed stays', () => {
  expect(suggest(['--confdir', '.', '--name=a'])).toBe(
    'confetd --confdir . --name=a --listen-client-urls=http://localhost:12379 --advertise-client-urls=http://localhost:12379 --listen-peer-urls=http://localhost:12380',
  );
});

test('URLs that were typed are replaced, in either form', () => {
  const argv = [
    '-listen-client-urls',
    'http://a:1,http://b:2',
    '--advertise-client-urls=http://a:1',
    '-noop',
  ];
  expect(suggest(argv)).toBe(
    'confetd -noop --listen-client-urls=http://a:10001,http://b:10002 --advertise-client-urls=http://a:10001 --listen-peer-urls=http://localhost:12380',
  );
});

test('a port near the end of the range moves down', () => {
  expect(suggest(['--listen-peer-urls=http://h:60000'])).toContain('--listen-peer-urls=http://h:50000');
});
