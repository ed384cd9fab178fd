import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import { checkLinearizable } from '../../linearizability/check.js';
import { History } from '../../linearizability/history.js';
import type { Action, Answer, Operation } from '../../linearizability/types.js';
import { anyHistory, bruteForce, followedBy, KEY, registerHistory } from './histories.js';

const DONE: Answer = { kind: 'done' };
const GET: Action = { kind: 'get' };
const put = (value: string): Action => ({ kind: 'put', value });
const found = (value: string | null): Answer => ({ kind: 'found', value });
const known = (history: readonly Operation[]): Operation[] =>
  history.filter(({ answer }) => answer !== undefined);

function verdict(history: readonly Operation[]): string {
  return checkLinearizable(history).verdict;
}

describe('what a register did is linearizable', () => {
  test('calls that overlap at random, some of unknown outcome', () => {
    fc.assert(
      fc.property(registerHistory(60), (history) => verdict(history) === 'linearizable'),
      { numRuns: 500 },
    );
  });

  test('ten thousand calls of one key by twenty clients, hundreds of them of unknown outcome, in few steps', () => {
    const random = new Prng(7);
    const history = new History(() => 0);
    let held: string | null = null;
    const free = Array.from({ length: 20 }, (_, index) => index);
    const underWay: (() => void)[] = [];
    for (let number = 0; number < 10_000 || underWay.length > 0; ) {
      const client = number < 10_000 && random.chance(0.5) ? free.pop() : undefined;
      if (client !== undefined) {
        const writes = random.chance(0.5);
        const value = `v${number++}`;
        const call = history.call(`c${client}`, KEY, writes ? put(value) : GET);
        const lost = random.chance(0.03);
        underWay.push(() => {
          if (writes && !(lost && random.chance(0.5))) held = value;
          const answer = writes ? DONE : found(held);
          if (lost) call.unknown();
          else call.answered(answer);
          free.push(client);
        });
      }
      const [end] = underWay.splice(random.below(Math.max(1, underWay.length)), random.below(2));
      end?.();
    }
    const result = checkLinearizable(history.operations);
    expect(result.verdict).toBe('linearizable');
    expect(result.steps).toBeLessThan(100_000);
  });
});

describe('what no register does is not', () => {
  const fails = (change: (history: Operation[]) => Operation[]): void => {
    fc.assert(
      fc.property(registerHistory(40), (history) => {
        // A call without an answer may take effect at any time, also after what is added: that would explain it.
        const result = checkLinearizable(change(known(history)));
        // Without them a history may be wrong already: either way it must not pass.
        return result.verdict === 'not linearizable';
      }),
      { numRuns: 300 },
    );
  };

  test('a stale read', () => {
    fails((history) => followedBy(history, [put('old'), DONE], [put('new'), DONE], [GET, found('old')]));
  });

  test('a lost write', () => {
    fails((history) => followedBy(history, [{ kind: 'delete' }, DONE], [put('x'), DONE], [GET, found(null)]));
  });

  test('a swap that was answered but not made', () => {
    const swap: Action = { kind: 'compareAndSwap', expected: 'x', value: 'y' };
    fails((history) =>
      followedBy(history, [put('x'), DONE], [swap, { kind: 'changed', changed: true }], [GET, found('x')]),
    );
  });

  test('two reads that see two overlapping writes in either order', () => {
    fails((history) => {
      const sequential = followedBy(
        history,
        [put('z'), DONE],
        [GET, found('p')],
        [GET, found('q')],
        [GET, found('p')],
      );
      const start = sequential.at(-4)?.returned ?? 0;
      const overlapping = ['p', 'q'].map(
        (value): Operation => ({
          client: value,
          key: KEY,
          action: put(value),
          called: start,
          returned: start + 90,
          answer: DONE,
        }),
      );
      return [...sequential, ...overlapping];
    });
  });

  test('a value that nobody wrote, read anywhere', () => {
    fc.assert(
      fc.property(registerHistory(40), fc.nat(200), (history, at) => {
        const ghost: Operation = {
          client: 'g',
          key: KEY,
          action: GET,
          called: at,
          returned: at + 5,
          answer: found('ghost'),
        };
        const result = checkLinearizable([...history, ghost]);
        return result.verdict === 'not linearizable' && result.prefix.some(({ client }) => client === 'g');
      }),
    );
  });
});

test('the verdict is that of every order tried', () => {
  const verdicts = { true: 0, false: 0 };
  fc.assert(
    fc.property(fc.oneof(anyHistory(6), anyHistory(4), registerHistory(7)), (history) => {
      const expected = bruteForce(history);
      verdicts[`${expected}`]++;
      return verdict(history) === (expected ? 'linearizable' : 'not linearizable');
    }),
    { numRuns: 10_000 },
  );
  // Otherwise this has compared little.
  expect(Math.min(verdicts.true, verdicts.false)).toBeGreaterThan(300);
});

test('the prefix it tells fails, and without its last answer passes', () => {
  let failures = 0;
  fc.assert(
    fc.property(anyHistory(12), (history) => {
      const result = checkLinearizable(history);
      if (result.verdict !== 'not linearizable') return;
      failures++;
      const last = known(result.prefix).reduce((a, b) => (b.returned >= a.returned ? b : a));
      expect(bruteForce(result.prefix)).toBe(false);
      const before = result.prefix.map((one) =>
        one === last ? { ...one, returned: Number.POSITIVE_INFINITY, answer: undefined } : one,
      );
      expect(bruteForce(before)).toBe(true);
    }),
    { numRuns: 500 },
  );
  expect(failures).toBeGreaterThan(100);
});

describe('unknown outcomes', () => {
  const lost = (action: Action, called: number): Operation => ({
    client: 'lost',
    key: KEY,
    action,
    called,
    returned: Number.POSITIVE_INFINITY,
    answer: undefined,
  });

  test('take effect long after the call', () => {
    const history = followedBy(
      [lost(put('late'), 0)],
      [put('x'), DONE],
      [GET, found('x')],
      [GET, found('late')],
    );
    expect(verdict(history)).toBe('linearizable');
  });

  test('take effect once', () => {
    const read = followedBy(
      [lost(put('late'), 0)],
      [GET, found('late')],
      [put('x'), DONE],
      [GET, found('late')],
    );
    expect(verdict(read)).toBe('not linearizable');
  });

  test('take no effect before the call', () => {
    const history = followedBy([], [GET, found('late')]);
    expect(verdict([...history, lost(put('late'), 50)])).toBe('not linearizable');
  });
});

test('keys are checked apart: a history is wrong if one key is', () => {
  const good = followedBy([], [put('x'), DONE], [GET, found('x')]);
  const other = good.map((operation) => ({ ...operation, key: 'other' }));
  expect(verdict([...good, ...other])).toBe('linearizable');
  const result = checkLinearizable([
    ...good,
    ...followedBy(other, [GET, found('z')]).map((one) => ({ ...one, key: 'other' })),
  ]);
  expect(result).toMatchObject({ verdict: 'not linearizable', key: 'other' });
});

test('keys begin with what they are said to hold', () => {
  const history = followedBy([], [GET, found('x')]);
  expect(verdict(history)).toBe('not linearizable');
  expect(checkLinearizable(history, { initial: new Map([[KEY, 'x']]) }).verdict).toBe('linearizable');
});

test('a failure is told one line an operation, with an arrow at the answer that fits no order', () => {
  const history = followedBy(
    [],
    [put('old'), DONE],
    [put('new'), DONE],
    [GET, found('old')],
    [put('next'), DONE],
  );
  const result = checkLinearizable(history);
  expect('explanation' in result ? result.explanation : '').toBe(
    [
      'key "k": no order explains the answer marked by an arrow',
      '  after0 1–1.5 put "old": done',
      '  after1 3–3.5 put "new": done',
      '→ after2 5–5.5 get: "old"',
    ].join('\n'),
  );
  const short = checkLinearizable(history, { maxLines: 1 });
  expect('explanation' in short ? short.explanation.split('\n')[1] : '').toBe(
    '  (2 operations before these)',
  );
});

test('a search beyond its limit says so instead of hanging', () => {
  const writes = Array.from(
    { length: 30 },
    (_, index): Operation => ({
      client: `w${index}`,
      key: KEY,
      action: put(`${index}`),
      called: 0,
      returned: Number.POSITIVE_INFINITY,
      answer: undefined,
    }),
  );
  // Each of them matters to some read, and the last read fits none.
  const reads = writes.map((_, index): [Action, Answer] => [GET, found(`${index}`)]);
  const history = followedBy(writes, ...reads, [GET, found('0')]);
  const limited = checkLinearizable(history.toReversed(), { maxSteps: 20 });
  expect(limited).toMatchObject({ verdict: 'undecided', key: KEY });
  expect(checkLinearizable(history).verdict).toBe('not linearizable');
});

test('an answer that doesn’t fit its call, or its time, is an error of whoever recorded it', () => {
  expect(() => verdict(followedBy([], [GET, DONE]))).toThrow('done is no answer to a get');
  const [backwards] = followedBy([], [GET, found(null)]);
  expect(() => verdict(backwards === undefined ? [] : [{ ...backwards, called: 99 }])).toThrow(
    'before it was called',
  );
});

describe('History', () => {
  test('keeps times apart under a clock that stands still, and at the size of a date', () => {
    for (const now of [0, Date.UTC(2030, 0)]) {
      const history = new History(() => now);
      for (let count = 0; count < 3; count++) history.call('c', KEY, GET).answered(found(null));
      const times = history.operations.flatMap(({ called, returned }) => [called, returned]);
      expect(new Set(times).size).toBe(6);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  test('forgets what was refused, keeps what has no answer as unknown', () => {
    const history = new History(() => 0);
    history.call('a', KEY, put('1')).refused();
    history.call('b', KEY, put('2')).unknown();
    history.call('c', KEY, put('3'));
    expect(history.operations.map(({ client, answer, returned }) => [client, answer, returned])).toEqual([
      ['b', undefined, Number.POSITIVE_INFINITY],
      ['c', undefined, Number.POSITIVE_INFINITY],
    ]);
  });

  test('a call ends once', () => {
    const call = new History(() => 0).call('a', KEY, GET);
    call.answered(found(null));
    expect(() => call.unknown()).toThrow('ended already');
  });
});
