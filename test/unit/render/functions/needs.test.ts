import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../../src/io/clock.js';
import {
  type AnswerOf,
  Answers,
  type Need,
  NeedError,
  type Resolver,
  renderWithNeeds,
} from '../../../../src/render/functions/needs.js';
import { compile, contextOf, render } from '../support.js';
import { callWith, contextFor } from './support.js';

/** Timers that fire when told to. */
class HandClock implements Clock {
  readonly due: (() => void)[] = [];
  monotonicMs(): number {
    return 0;
  }
  wallMs(): number {
    return 0;
  }
  schedule(_delayMs: number, task: () => void): { cancel(): void } {
    this.due.push(task);
    return {
      cancel: () => {
        const at = this.due.indexOf(task);
        if (at >= 0) this.due.splice(at, 1);
      },
    };
  }
  async yield(): Promise<void> {}
}

class Directory implements Resolver {
  readonly asked: Need[] = [];
  readonly #answers: Readonly<Record<string, unknown>>;
  constructor(answers: Readonly<Record<string, unknown>>) {
    this.#answers = answers;
  }
  async resolve<T extends Need['type']>(need: Need & { type: T }): Promise<AnswerOf[T]> {
    this.asked.push(need);
    const name =
      'host' in need ? need.host : 'name' in need ? need.name : 'path' in need ? need.path : need.type;
    const answer = this.#answers[name];
    if (answer instanceof Error) throw answer;
    return answer as AnswerOf[T];
  }
}

const limits = (clock = new HandClock()): { timeoutMs: number; clock: Clock } => ({ timeoutMs: 100, clock });

describe('renderWithNeeds', () => {
  test('fetches what a template turns out to need, and renders again', async () => {
    const template = await compile(
      '{{#each (lookupIP "db")}}{{this}} {{/each}}{{hostname}} {{len (lookupIPV6 "db")}}',
    );
    const directory = new Directory({ db: ['10.0.0.2', '::1', '10.0.0.1'], hostname: 'h' });
    const clock = new HandClock();
    const { text, needs } = await renderWithNeeds(template, contextOf({}), directory, limits(clock));
    expect(text).toBe('10.0.0.1 10.0.0.2 ::1 h 1');
    expect(needs).toEqual([{ type: 'address', host: 'db' }, { type: 'hostname' }]);
    expect(directory.asked).toHaveLength(2);
    expect(clock.due).toEqual([]);
  });

  test('independent needs take one pass, whatever their number', async () => {
    const template = await compile(
      '{{#each (seq 1 100) as |i|}}{{join (lookupIP (printf "h%d" i)) ","}};{{/each}}',
    );
    const answers = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`h${i + 1}`, [`10.0.0.${i + 1}`]]),
    );
    const { text } = await renderWithNeeds(template, contextOf({}), new Directory(answers), {
      ...limits(),
      maxPasses: 2,
    });
    expect(text.split(';')).toHaveLength(101);
  });

  test('an error that an empty answer led to is not one', async () => {
    const template = await compile('{{index (lookupIP "db") 0}}');
    const { text } = await renderWithNeeds(
      template,
      contextOf({}),
      new Directory({ db: ['10.0.0.1'] }),
      limits(),
    );
    expect(text).toBe('10.0.0.1');
  });

  test('needs may follow from one another, up to 8 passes', async () => {
    const chain = (length: number): string =>
      Array.from({ length }).reduce<string>((inner) => `(index (lookupIP ${inner}) 0)`, '"h"');
    const next = new Proxy({}, { get: (_, name) => [`${String(name)}x`] });
    const template = await compile(`{{print ${chain(7)}}}`);
    expect((await renderWithNeeds(template, contextOf({}), new Directory(next), limits())).text).toBe(
      'hxxxxxxx',
    );
    const deeper = await compile(`{{print ${chain(8)}}}`);
    await expect(renderWithNeeds(deeper, contextOf({}), new Directory(next), limits())).rejects.toThrow(
      /after 8 passes/,
    );
  });

  test('a lookup that failed is an error with its place; a name without addresses is an empty list', async () => {
    const template = await compile('x\n{{#lookupIP "db"}}{{this}}{{else}}none{{/lookupIP}}');
    await expect(
      renderWithNeeds(template, contextOf({}), new Directory({ db: new Error('SERVFAIL') }), limits()),
    ).rejects.toMatchObject({
      code: 'template',
      message: 't.hbs:2:4: lookupIP: the addresses of db: SERVFAIL',
    });
    expect((await renderWithNeeds(template, contextOf({}), new Directory({ db: [] }), limits())).text).toBe(
      'x\nnone',
    );
  });

  test('a resolver that never answers ends at the timeout', async () => {
    const template = await compile('{{hostname}}');
    const clock = new HandClock();
    const silent: Resolver = { resolve: () => new Promise(() => {}) };
    const outcome = renderWithNeeds(template, contextOf({}), silent, limits(clock));
    clock.due[0]?.();
    await expect(outcome).rejects.toThrow('no answer within 100 ms');
  });

  test('a signal ends the wait', async () => {
    const template = await compile('{{hostname}}');
    const abort = new AbortController();
    const silent: Resolver = { resolve: () => new Promise(() => {}) };
    const outcome = renderWithNeeds(template, contextOf({}), silent, { ...limits(), signal: abort.signal });
    abort.abort();
    await expect(outcome).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('answers that are kept are not fetched again', async () => {
    const template = await compile('{{hostname}}');
    const answers = new Answers();
    const directory = new Directory({ hostname: 'h' });
    await renderWithNeeds(template, contextOf({}), directory, { ...limits(), answers });
    await renderWithNeeds(template, contextOf({}), directory, { ...limits(), answers });
    expect(directory.asked).toHaveLength(1);
    answers.clear();
    await renderWithNeeds(template, contextOf({}), directory, { ...limits(), answers });
    expect(directory.asked).toHaveLength(2);
  });

  test('the time of lookups is not taken from the deadline', async () => {
    const template = await compile('{{hostname}}{{#each (seq 1 200)}}{{/each}}');
    let now = 0;
    const slow: Resolver = {
      resolve: async <T extends Need['type']>() => {
        now += 5000;
        return 'h' as AnswerOf[T];
      },
    };
    const context = { ...contextOf({}), monotonicMs: () => now, deadlineMs: 1000 };
    expect((await renderWithNeeds(template, context, slow, limits())).text).toBe('h');
  });
});

test('a render without answers throws a NeedError', async () => {
  await expect(render('{{fileExists "/etc/passwd"}}{{file "/etc/x"}}')).rejects.toBeInstanceOf(NeedError);
});

describe('files', () => {
  test("a file that can't be read is an error in both languages: an empty secret is no secret", async () => {
    const answers = new Answers();
    answers.set({ type: 'file', path: '/run/secret' }, { failure: 'the file /run/secret: ENOENT' });
    answers.set({ type: 'file', path: '/run/there' }, { value: 's' });
    for (const language of ['handlebars', 'go'] as const) {
      const context = contextFor(language, { answers });
      expect(() => callWith(context, 'file', '/run/secret')).toThrow('the file /run/secret: ENOENT');
      expect(callWith(context, 'file', '/run/there')).toBe('s');
    }
  });
});

describe('network functions', () => {
  const answers = new Answers();
  const srv = { type: 'service', service: 'mail', proto: 'tcp', domain: 'x' } as const;
  answers.set(srv, {
    value: [
      { target: 'b.', port: 1, priority: 0, weight: 0 },
      { target: 'a.', port: 2, priority: 0, weight: 5 },
    ],
  });
  answers.set({ type: 'interface', name: 'eth0' }, { value: ['fe80::1', '10.0.0.1'] });
  answers.set({ type: 'interface', name: 'none' }, { value: [] });
  answers.set({ type: 'address', host: 'bad' }, { failure: 'the addresses of bad: SERVFAIL' });
  const go = contextFor('go', { answers });

  test('lookupSRV sorts, and its fields are own fields', async () => {
    expect(callWith(go, 'lookupSRV', 'mail', 'tcp', 'x')).toMatchObject([{ target: 'a.' }, { target: 'b.' }]);
    const source =
      '{{#lookupSRV "mail" "tcp" "x"}}{{target}}:{{port}}/{{this.priority}}/{{weight}} {{/lookupSRV}}';
    expect(await render(source, { answers })).toBe('a:2/0/5 b:1/0/0 ');
  });
  test("lookupSRV's targets end with a dot in Go, as Go's resolver has them, and without in Handlebars", () => {
    const answers = new Answers();
    const record = { port: 80, priority: 1, weight: 1 };
    answers.set(
      { type: 'service', service: 'http', proto: 'tcp', domain: 'x' },
      {
        value: [
          { target: 'b.x', ...record },
          { target: 'a.x.', ...record },
        ],
      },
    );
    const targets = (language: 'go' | 'handlebars'): unknown =>
      (
        callWith(contextFor(language, { answers }), 'lookupSRV', 'http', 'tcp', 'x') as { target: string }[]
      ).map(({ target }) => target);
    expect(targets('go')).toEqual(['a.x.', 'b.x.']);
    expect(targets('handlebars')).toEqual(['a.x', 'b.x']);
  });
  test('addresses of an interface', () => {
    expect(callWith(go, 'lookupIfaceIPV4', 'eth0')).toBe('10.0.0.1');
    expect(callWith(go, 'lookupIfaceIPV6', 'eth0')).toBe('fe80::1');
    expect(callWith(go, 'lookupIfaceIPV4', 'none')).toBe('');
  });
  test('a failed lookup is empty in Go templates, as in confd', () => {
    expect(callWith(go, 'lookupIP', 'bad')).toEqual([]);
    expect(() => callWith(contextFor('handlebars', { answers }), 'lookupIP', 'bad')).toThrow('SERVFAIL');
  });
});
