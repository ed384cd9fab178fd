import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Log } from '../../../src/io/log.js';
import { SdNotify } from '../../../src/io/node/sd-notify.js';
import { ManualClock } from '../render/rig.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'confetd-sd-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A systemd-notify that writes down what it is told. */
function notifier(
  env: Readonly<Record<string, string>>,
  script = `echo "$NOTIFY_SOCKET $*" >> "${folder}/said"`,
) {
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const warnings: string[] = [];
  const take = (_fields: object, message: string): void => void warnings.push(message);
  const log: Log = { debug: take, info: take, warn: take, error: take };
  const clock = new ManualClock();
  const path = `${folder}:${process.env.PATH}`;
  const notify = new SdNotify({ env: { PATH: path, ...env }, pid: 42, clock, log });
  return { notify, clock, warnings, said: () => readFileSync(join(folder, 'said'), 'utf8') };
}

it('tells systemd when it is ready, how it is, and when it stops', async () => {
  const { notify, said } = notifier({ NOTIFY_SOCKET: '/run/s' });
  await notify.ready('3 files\nin sync');
  await notify.stopping();
  expect(said()).toBe('/run/s READY=1 STATUS=3 files; in sync\n/run/s STOPPING=1\n');
});

it('does nothing outside of systemd', async () => {
  const { notify, clock, said } = notifier({ WATCHDOG_USEC: '1000000' });
  await notify.ready('x');
  notify.watch(() => Promise.resolve(true));
  expect([notify.enabled, notify.watchdogMs, clock.timers]).toEqual([false, undefined, 0]);
  expect(said).toThrow('ENOENT');
});

it.each([
  [{ WATCHDOG_USEC: '60000000' }, 60_000],
  [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '42' }, 60_000],
  [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '41' }, undefined],
  [{ WATCHDOG_USEC: 'no' }, undefined],
  [{}, undefined],
])('knows whether the watchdog is meant for it: %j', (env, expected) => {
  expect(notifier({ NOTIFY_SOCKET: '/run/s', ...env }).notify.watchdogMs).toBe(expected);
});

it('feeds the watchdog twice in its time, and not while it is not well', async () => {
  const { notify, clock, said } = notifier({ NOTIFY_SOCKET: '/run/s', WATCHDOG_USEC: '10000000' });
  let looks = 0;
  let well: () => Promise<boolean> = () => Promise.resolve(true);
  notify.watch(() => {
    looks++;
    return well();
  });
  const look = async (): Promise<void> => {
    clock.advance(5_000);
    while (clock.timers === 0) await new Promise((wake) => setTimeout(wake, 5));
  };
  await look();
  expect(said()).toBe('/run/s WATCHDOG=1\n');
  well = () => Promise.reject(new Error('stuck'));
  await look();
  well = () => Promise.resolve(false);
  await look();
  expect([looks, said()]).toEqual([3, '/run/s WATCHDOG=1\n']);
  notify.close();
  expect(clock.timers).toBe(0);
});

it('says once that systemd can’t be told, and goes on', async () => {
  const { notify, warnings } = notifier({ NOTIFY_SOCKET: '/run/s' }, 'exit 1');
  await notify.ready('x');
  await notify.stopping();
  expect(warnings).toEqual(['systemd-notify failed: systemd is not told how this process is']);
});
