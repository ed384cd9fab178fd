import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstFrames, type Step } from '../../../src/api/go-preface.js';
import {
  ACK,
  CONTINUATION,
  encoded,
  frame,
  HEADERS,
  PING,
  PREFACE,
  SETTINGS,
  settings,
  WINDOW_UPDATE,
} from './http2-wire.js';

const URL = 'http://127.0.0.1:2379';
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;

async function block(authority: string): Promise<Buffer> {
  const [bytes = Buffer.alloc(0)] = await encoded({
    ':method': 'POST',
    ':path': '/etcdserverpb.Maintenance/Status',
    ':authority': authority,
  });
  return bytes;
}
const bad = await block(URL);
const mended = await block('http:--127.0.0.1:2379');
const good = await block('127.0.0.1:2379');

const request = (headers: Buffer, stream = 1) => frame(HEADERS, END_HEADERS, stream, headers);
const DATA = frame(0, 1, 1, Buffer.from('hello'));

/** Pushes pieces one at a time; the steps, and what is held in the end. */
function run(...pieces: readonly Buffer[]): { steps: Step[]; held: Buffer } {
  const first = new FirstFrames();
  const steps = pieces.map((piece) => first.push(piece));
  return { steps, held: first.held };
}

const opening = (...rest: readonly Buffer[]) => Buffer.concat([PREFACE, ...rest]);
const GO = opening(settings());

describe('who is greeted, and held until the first request is here', () => {
  it.each<[string, Buffer]>([
    ['no settings', settings()],
    ['a larger window', settings([4, 65_536])],
    ['a limit of headers', settings([6, 1_000])],
    ['both', settings([4, 1_048_576], [6, 16_384])],
  ])('grpc-go, which begins with %s', (_name, bytes) => {
    expect(run(opening(bytes))).toEqual({ steps: ['greet'], held: opening(bytes) });
    expect(run(opening(bytes, frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 1, 0])))).steps).toEqual([
      'greet',
    ]);
  });

  it.each<[string, Buffer]>([
    ['grpc-js', settings([4, 65_535])],
    ['a browser', settings([1, 65_536], [2, 0], [4, 6_291_456], [6, 262_144])],
    ['a client that refuses pushes', settings([2, 0])],
    ['settings that are not whole', frame(SETTINGS, 0, 0, Buffer.alloc(5))],
    ['settings of a stream', frame(SETTINGS, 0, 1)],
    ['an acknowledgement of nothing', ACK],
    ['no settings at all', frame(PING, 0, 0, Buffer.alloc(8))],
    ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ])('not %s, whose bytes are handed on at once', (_name, bytes) => {
    expect(run(opening(bytes))).toEqual({ steps: ['pass'], held: opening(bytes) });
  });

  it('nor who doesn’t wait for our settings: its request is mended on its way', () => {
    expect(run(Buffer.concat([GO, request(bad), DATA]))).toEqual({
      steps: ['pass'],
      held: Buffer.concat([GO, request(mended), DATA]),
    });
    // Its second piece is on the way already.
    const whole = Buffer.concat([GO, request(bad)]);
    const { steps, held } = run(whole.subarray(0, -10), whole.subarray(-10));
    expect(steps).toEqual(['wait', 'pass']);
    expect(held).toEqual(Buffer.concat([GO, request(mended)]));
  });
});

describe('after the greeting', () => {
  it('the acknowledgement is taken out, and the first request mended', () => {
    expect(run(GO, ACK, request(bad))).toEqual({
      steps: ['greet', 'linger', 'pass'],
      held: Buffer.concat([GO, request(mended)]),
    });
    expect(run(GO, Buffer.concat([ACK, request(bad), DATA])).held).toEqual(
      Buffer.concat([GO, request(mended), DATA]),
    );
  });

  it('a request that overtakes the acknowledgement waits for it', () => {
    const second = request(good, 3);
    const { steps, held } = run(GO, request(bad), DATA, second, Buffer.concat([ACK, PREFACE]));
    expect(steps).toEqual(['greet', 'wait', 'wait', 'wait', 'pass']);
    expect(held).toEqual(Buffer.concat([GO, request(mended), DATA, second, PREFACE]));
  });

  it('requests that were under way when it was sent don’t pass without the acknowledgement', () => {
    const { steps, held } = run(GO, Buffer.concat([request(bad), ACK]));
    expect(steps).toEqual(['greet', 'pass']);
    expect(held).toEqual(Buffer.concat([GO, request(mended)]));
  });

  it('a ping is not kept waiting for a request', () => {
    const ping = frame(PING, 0, 0, Buffer.alloc(8));
    expect(run(GO, ACK, ping)).toEqual({
      steps: ['greet', 'linger', 'pass'],
      held: Buffer.concat([GO, ping]),
    });
  });

  it('padding, priority and continuations are no obstacle', () => {
    const padded = (headers: Buffer) =>
      frame(
        HEADERS,
        END_HEADERS | PADDED | PRIORITY,
        1,
        Buffer.concat([Buffer.from([7, 0, 0, 0, 0, 15]), headers, Buffer.alloc(7)]),
      );
    expect(run(GO, ACK, padded(bad)).held).toEqual(Buffer.concat([GO, padded(mended)]));
    const split = (headers: Buffer, at: number) =>
      Buffer.concat([
        frame(HEADERS, 0, 1, headers.subarray(0, at)),
        frame(CONTINUATION, END_HEADERS, 1, headers.subarray(at)),
      ]);
    const { length } = bad;
    expect(run(GO, ACK, split(bad, length)).held).toEqual(Buffer.concat([GO, split(mended, length)]));
    // Nobody splits so few bytes: such a value goes on as it came.
    for (let at = 0; at < 10; at++) {
      expect(run(GO, ACK, split(bad, at)).held).toEqual(Buffer.concat([GO, split(bad, at)]));
    }
    const onlyPadding = frame(HEADERS, END_HEADERS | PADDED, 1, Buffer.from([255, 0]));
    expect(run(GO, ACK, onlyPadding).held).toEqual(Buffer.concat([GO, onlyPadding]));
  });

  it('what is no frame, or too large, is handed on', () => {
    const oversized = Buffer.from([0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1, 0]);
    expect(run(GO, oversized)).toEqual({ steps: ['greet', 'pass'], held: Buffer.concat([GO, oversized]) });
    expect(run(GO, ACK, ACK)).toEqual({
      steps: ['greet', 'linger', 'pass'],
      held: Buffer.concat([GO, ACK]),
    });
  });

  it('no more is held than a client may send without having seen our settings', () => {
    const first = new FirstFrames();
    first.push(GO);
    const data = frame(0, 0, 1, Buffer.alloc(16_384));
    let last: Step = 'wait';
    let pushes = 0;
    while (last === 'wait' && pushes < 100) {
      last = first.push(data);
      pushes++;
    }
    expect([last, pushes]).toEqual(['pass', 8]);
  });
});

describe('however the bytes arrive', () => {
  it('they come to the same, byte by byte or all at once', () => {
    const whole = Buffer.concat([GO, ACK, request(bad), DATA]);
    const cuts = fc.array(fc.nat(whole.length - GO.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (offsets) => {
        const at = [0, ...offsets.sort((a, b) => a - b), whole.length - GO.length];
        const rest = whole.subarray(GO.length);
        const pieces = at.slice(1).map((to, index) => rest.subarray(at[index], to));
        expect(run(GO, ...pieces).held).toEqual(Buffer.concat([GO, request(mended), DATA]));
      }),
    );
    const bytes = [...whole.subarray(PREFACE.length)].map((byte) => Buffer.from([byte]));
    const { steps, held } = run(PREFACE, ...bytes);
    expect(held).toEqual(Buffer.concat([GO, request(mended), DATA]));
    expect(steps.filter((step) => step === 'greet')).toHaveLength(1);
  });

  it('nothing changes but for the one acknowledgement, where no authority is bad', () => {
    const anyFrame = fc.oneof(
      fc.constant(request(good)),
      fc.constant(DATA),
      fc
        .tuple(fc.nat(255), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 40 }))
        // Random header blocks might have a bad authority, random settings be an acknowledgement.
        .filter(([type]) => type !== HEADERS && type !== SETTINGS)
        .map(([type, flags, stream, payload]) => frame(type, flags, stream, Buffer.from(payload))),
    );
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(anyFrame), fc.boolean(), (before, after, acknowledges) => {
        const pieces = [...before, ...(acknowledges ? [ACK] : []), ...after];
        expect(run(GO, ...pieces).held).toEqual(Buffer.concat([GO, ...before, ...after]));
      }),
    );
  });

  it('noise is handed on as it came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })), (noise) => {
        const pieces = noise.map((bytes) => Buffer.from(bytes));
        const held = run(PREFACE, ...pieces).held;
        expect(held).toEqual(Buffer.concat([PREFACE, ...pieces]));
      }),
    );
  });
});
