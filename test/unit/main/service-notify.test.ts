import { expect, test } from 'vitest';
import { silentLog } from '../../../src/io/log.js';
import { takeNotify } from '../../../src/main/service-notify.js';
import { ManualClock } from '../render/rig.js';

test.each([
  ['60000000', 0, 60_000],
  ['60000000', 10_000, 20_000],
  ['60000000', 45_000, 60_000],
  [undefined, 10_000, undefined],
])(
  'a watchdog of %s µs, --watchdog-interval %i ms: a sign of life within half of %s ms',
  (time, interval, watchdogMs) => {
    const env = { NOTIFY_SOCKET: '/run/none', ...(time === undefined ? {} : { WATCHDOG_USEC: time }) };
    const notify = takeNotify(env, new ManualClock(), silentLog, interval);
    expect(notify.watchdogMs).toBe(watchdogMs);
    // What this process starts can't speak for it.
    expect(env).toEqual({});
  },
);
