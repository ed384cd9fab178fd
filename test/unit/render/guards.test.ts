import { describe, expect, it } from 'vitest';
import type { OutputFormat } from '../../../src/confdir/types.js';
import { Rig, resource, sourceOf } from './rig.js';

describe('output_format', () => {
  const good: readonly (readonly [OutputFormat, string])[] = [
    ['json', '{"a":[1,null]}'],
    ['json', ' 3 '],
    ['yaml', 'a: 1\nb:\n  - x\n---\nc: 2\n'],
    ['toml', 'a = 1\n[b]\nc = "d"\n'],
    ['xml', '<?xml version="1.0"?>\n<a x="1"><!-- c --><b/>&amp;<![CDATA[<]]></a>\n'],
    ['xml', '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'],
  ];
  const bad: readonly (readonly [OutputFormat, string, RegExp])[] = [
    ['json', '{"a":1,\n "b":}', /x\.hbs: line 2, column 6 of the text for \/out\/x is not json/],
    ['json', '', /line 1, column 1 of .* is not json \(output_format\): Unexpected end/],
    ['json', '[1,\n2', /line 2, column 2 of/],
    [
      'json',
      '{"password": hunter2}',
      /line 1, column 14 of .* is not json \(output_format\): Unexpected token 'h'$/,
    ],
    ['yaml', 'a: 1\n\tb: 2\n', /line 2, column 1 of the text for \/out\/x is not yaml/],
    ['yaml', 'a: [1,\n', /is not yaml/],
    ['yaml', 'a: 1\n---\nb: "x\n', /is not yaml/],
    ['toml', 'a = 1\na = 2\n', /line 2, column \d+ of the text for \/out\/x is not toml/],
    ['xml', '<a>\n<b></a>', /line 2, column 7 of the text for \/out\/x is not xml .*unexpected close tag/],
    ['xml', '<a/><b/>', /is not xml .*only one root/],
    ['xml', '', /is not xml .*root element/],
    ['xml', '<a>&e;</a>', /undefined entity/],
    ['xml', '<a b=1/>', /is not xml/],
  ];

  it.each(good)('takes good %s: %j', async (outputFormat, text) => {
    const rig = new Rig({ source: sourceOf({ '/a': text }) }).template('x', '$/a');
    await rig.start(resource('x', { outputFormat }));
    expect(rig.out('x')).toBe(text);
  });

  it.each(bad)('keeps the file where the text is no %s: %j', async (outputFormat, text, expected) => {
    const rig = new Rig({ source: sourceOf({ '/a': text }) }).template('x', '$/a');
    rig.files.put('/out/x', 'old');
    await rig.start(resource('x', { outputFormat, reloadCmd: 'reload', checkCmd: 'check' }));
    expect(rig.out('x')).toBe('old');
    expect(rig.commands).toEqual([]);
    expect(rig.status('x').state).toBe('failed');
    expect(rig.status('x').lastError).toMatch(expected);
  });
});

describe('refuse_empty', () => {
  it('keeps the file where the text is nothing but white space, and only with it', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    await rig.start(resource('x', { refuseEmpty: true }), resource('y'));
    await rig.put({ '/a': ' \n\t' });
    expect([rig.out('x'), rig.out('y')]).toEqual(['1', ' \n\t']);
    expect(rig.status('x')).toMatchObject({
      state: 'held',
      lastError: 'the text is empty (refuse_empty): /out/x is left as it is',
    });
    await rig.put({ '/a': '0' });
    expect(rig.out('x')).toBe('0');
  });
});

describe('an owner that does not exist', () => {
  const keeps =
    '/c/conf.d/x.toml:1: this host has no owner "nginx" and no group "web": /out/x keeps the owner that it has';

  function rigOf(strict: boolean): Rig {
    const rig = new Rig({
      source: sourceOf({ '/a': '1' }),
      pass: { strict },
      accounts: { user: () => Promise.resolve(undefined), group: () => Promise.resolve(undefined) },
    }).template('x', '$/a');
    rig.files.put('/out/x', 'old', 0o640);
    return rig;
  }

  it('is a warning, told once: the file is rendered and keeps the owner that it has', async () => {
    const rig = await rigOf(false).start(
      resource('x', { owner: 'nginx', group: 'web', reloadCmd: 'reload' }),
    );
    expect(rig.out('x')).toBe('1');
    expect(rig.commands).toEqual(['reload']);
    await rig.put({ '/a': '2' });
    await rig.renderer.reconcileNow();
    expect(rig.log.filter((line) => line.includes('nginx'))).toEqual([keeps]);
    expect(rig.events.filter(({ type }) => type === 'warning')).toHaveLength(1);
    expect(rig.status('x')).toMatchObject({ state: 'in_sync', warning: keeps });
    await rig.adopt(resource('x', { reloadCmd: 'reload' }));
    await rig.renderer.idle();
    expect(rig.status('x').warning).toBe('');
  });

  it('is an error under --strict', async () => {
    const rig = await rigOf(true).start(resource('x', { owner: 'nginx', gid: 0 }));
    expect(rig.out('x')).toBe('old');
    expect(rig.status('x').lastError).toBe(
      '/c/conf.d/x.toml:1: this host has no owner "nginx": name an account that it has, or a number',
    );
  });
});

describe('a destination that is no file', () => {
  it('is named with its place, and every other one is rendered', async () => {
    const rig = new Rig({ source: sourceOf({ '/a': '1' }) }).template('x', '$/a').template('y', '$/a');
    rig.files.fail = (step, path) =>
      step === 'read' && path === '/out/x'
        ? Object.assign(new Error('EISDIR'), { code: 'EISDIR' })
        : undefined;
    await rig.start(resource('x'), resource('y'));
    expect(rig.status('x').lastError).toBe(
      '/c/conf.d/x.toml:1: dest /out/x is not a regular file but a folder, a device, a pipe or a socket: name a file',
    );
    expect(rig.out('y')).toBe('1');
  });
});
