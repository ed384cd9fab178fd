import { describe, expect, it } from 'vitest';
import { hostPort, onAllInterfaces, parseListenUrl } from '../../../src/api/listen-url.js';
import { ConfetdError } from '../../../src/base/errors.js';

describe('listen URLs', () => {
  it.each([
    ['http://127.0.0.1:2379', { host: '127.0.0.1', port: 2379, tls: false }],
    ['http://localhost:4001', { host: '127.0.0.1', port: 4001, tls: false }],
    ['http://[::1]:0', { host: '::1', port: 0, tls: false }],
    ['https://10.0.0.1', { host: '10.0.0.1', port: 2379, tls: true }],
  ])('%s', (url, expected) => {
    expect(parseListenUrl(url)).toEqual(expected);
  });

  it.each([
    '127.0.0.1:2379',
    'ftp://h:1',
    'http://',
    'http://h:99999',
    'http://h:1/path',
    'http://u@h:1',
    '',
  ])('refuses %j, saying what is expected', (url) => {
    const refuse = () => parseListenUrl(url);
    expect(refuse).toThrow(ConfetdError);
    expect(refuse).toThrow(/expected http:\/\/ADDRESS:PORT/);
  });

  it('knows which addresses every machine can reach', () => {
    const all = (url: string) => onAllInterfaces(parseListenUrl(url));
    expect(all('http://0.0.0.0:1')).toBe(true);
    expect(all('http://[::]:1')).toBe(true);
    expect(all('http://[0:0:0:0:0:0:0:0]:1')).toBe(true);
    expect(all('http://127.0.0.1:1')).toBe(false);
    expect(all('http://[::1]:1')).toBe(false);
    expect(all('http://[fe80::]:1')).toBe(false);
    expect(hostPort({ host: '::1', port: 5 })).toBe('[::1]:5');
  });
});
