import { expect, test } from 'vitest';
import { ConfetdError } from '../../../src/base/errors.js';
import { failureOf } from '../../../src/member/failures.js';
import { BackendFullError } from '../../../src/store/backend/backend.js';
import { VirtualClock } from '../../sim/clock.js';
import { SimHost } from '../../sim/host.js';

test('a start that the disk fails says so, whichever of its steps it was', async () => {
  let failed = 0;
  for (let step = 1; ; step++) {
    const clock = new VirtualClock();
    const host = new SimHost(clock, step);
    host.disk.failWhen(({ number }) => (number === step ? 'EIO' : undefined));
    const started = host.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await clock.until(started);
    if (host.disk.steps < step) break;
    if (error === undefined) continue;
    failed++;
    expect(error).toBeInstanceOf(ConfetdError);
    expect((error as ConfetdError).code, `step ${step}`).toBe('disk');
  }
  expect(failed).toBeGreaterThan(20);
});

test('a state without room is a full disk, and what nobody has thought of is a defect', () => {
  expect(failureOf(new BackendFullError('no room')).code).toBe('disk');
  expect(failureOf(new Error('oops')).code).toBe('internal');
});
