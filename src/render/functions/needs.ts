import { ConfetdError, messageOf } from '../../base/errors.js';
import type { Clock } from '../../io/clock.js';
import type { RenderContext, Template } from '../types.js';

/** Data from outside the store. A render is synchronous: it says what it needs, and runs again once that was fetched. */
export type Need =
  | { readonly type: 'address'; readonly host: string }
  | { readonly type: 'service'; readonly service: string; readonly proto: string; readonly domain: string }
  | { readonly type: 'interface'; readonly name: string }
  | { readonly type: 'hostname' }
  | { readonly type: 'file-exists'; readonly path: string }
  | { readonly type: 'file'; readonly path: string };

/** One record of an SRV answer. */
export interface Service {
  readonly target: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What a resolver answers, by the need's type. A name that doesn't exist is an empty list, not a failure. */
export interface AnswerOf {
  address: readonly string[];
  service: readonly Service[];
  interface: readonly string[];
  hostname: string;
  'file-exists': boolean;
  file: string;
}

/** Where needs are met: the network and the disk of this host. Fails with a sentence. */
export interface Resolver {
  /** Gives up when the signal says so. */
  resolve<T extends Need['type']>(need: Need & { type: T }, signal: AbortSignal): Promise<AnswerOf[T]>;
}

type Answer = { readonly value: AnswerOf[Need['type']] } | { readonly failure: string };

/** Answers that stand still: the same render gives the same text until they are dropped. */
export class Answers {
  readonly #answers = new Map<string, Answer>();

  get(need: Need): Answer | undefined {
    return this.#answers.get(JSON.stringify(need));
  }

  set(need: Need, answer: Answer): void {
    this.#answers.set(JSON.stringify(need), answer);
  }

  clear(): void {
    this.#answers.clear();
  }
}

/** Thrown by a render in place of its text: it can't go on, or came out wrong, without these. */
export class NeedError extends Error {
  override readonly name = 'NeedError';
  readonly needs: readonly Need[];

  constructor(needs: readonly Need[]) {
    super(`the template needs ${needs.map(describeNeed).join(', ')}`);
    this.needs = needs;
  }
}

/**
 * The needs of one pass. Where an answer is missing the pass goes on with an empty one, so that it finds further
 * needs; its text, or the error that this led to, is thrown away in favour of a {@link NeedError}.
 */
export class Ledger {
  readonly #answers: Answers | undefined;
  readonly #used = new Map<string, Need>();
  readonly #missing = new Map<string, Need>();

  constructor(answers: Answers | undefined) {
    this.#answers = answers;
  }

  /** The answer, or the empty one in its place. Throws the sentence of a failed lookup as an Error. */
  ask<T extends Need['type']>(need: Need & { type: T }, empty: AnswerOf[T]): AnswerOf[T] {
    const id = JSON.stringify(need);
    this.#used.set(id, need);
    const answer = this.#answers?.get(need);
    if (answer === undefined) {
      this.#missing.set(id, need);
      if (this.#missing.size >= MAX_NEEDS) throw new NeedError([...this.#missing.values()]);
      return empty;
    }
    if ('failure' in answer) throw new NeedFailure(answer.failure);
    return answer.value as AnswerOf[T];
  }

  /** All that was asked for, met or not. */
  get used(): readonly Need[] {
    return [...this.#used.values()];
  }

  /** What to throw in place of the pass's outcome, if anything is missing. */
  missing(): NeedError | undefined {
    return this.#missing.size > 0 ? new NeedError([...this.#missing.values()]) : undefined;
  }
}

/** A lookup that was made and failed. Go's functions give an empty answer then; Handlebars refuses. */
export class NeedFailure extends Error {
  override readonly name = 'NeedFailure';
}

export interface NeedLimits {
  /** Of one lookup, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Passes of one render; 8 unless told. */
  readonly maxPasses?: number;
  /** Kept by the caller from one render to the next until a dependency changes. */
  readonly answers?: Answers;
  /** Ends the wait for lookups. */
  readonly signal?: AbortSignal;
}

export interface Rendered {
  readonly text: string;
  /** What the text rests on besides keys: to be looked up afresh at the next reconcile. */
  readonly needs: readonly Need[];
}

/**
 * Renders, fetching what the template turns out to need. Time spent on lookups isn't taken from the render's deadline.
 * The context's keys must stand still meanwhile: give a view of a cloned mirror. Fails with a `template` error.
 */
export async function renderWithNeeds(
  template: Template,
  context: RenderContext,
  resolver: Resolver,
  limits: NeedLimits,
): Promise<Rendered> {
  const answers = limits.answers ?? new Answers();
  const budgetMs = context.deadlineMs - context.monotonicMs();
  const needs = new Map<string, Need>();
  for (let pass = 1; ; pass++) {
    try {
      const deadlineMs = context.monotonicMs() + budgetMs;
      const asked = (need: Need): void => {
        needs.set(JSON.stringify(need), need);
        context.asked?.(need);
      };
      const text = template.render({ ...context, deadlineMs, answers, asked });
      return { text, needs: [...needs.values()] };
    } catch (error) {
      if (!(error instanceof NeedError)) throw error;
      if (pass >= (limits.maxPasses ?? 8)) {
        throw new ConfetdError(
          'template',
          `${context.src}: still ${error.message} after ${pass} passes: lookups may not depend on one another so deeply`,
        );
      }
      await Promise.all(error.needs.map((need) => fetchNeed(need, answers, resolver, limits)));
    }
  }
}

async function fetchNeed(
  need: Need,
  answers: Answers,
  resolver: Resolver,
  limits: NeedLimits,
): Promise<void> {
  const abort = new AbortController();
  // A resolver that ignores its signal must not hold the render.
  const ended = new Promise<never>((_resolve, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason));
  });
  const timer = limits.clock.schedule(limits.timeoutMs, () => {
    abort.abort(new Error(`no answer within ${limits.timeoutMs} ms`));
  });
  const cancel = (): void => abort.abort(new Error('cancelled'));
  limits.signal?.addEventListener('abort', cancel, { once: true });
  if (limits.signal?.aborted) cancel();
  try {
    answers.set(need, { value: await Promise.race([resolver.resolve(need, abort.signal), ended]) });
  } catch (error) {
    if (limits.signal?.aborted)
      throw new ConfetdError('cancelled', 'the render was cancelled', { cause: error });
    answers.set(need, { failure: `${describeNeed(need)}: ${messageOf(error)}` });
  } finally {
    timer.cancel();
    limits.signal?.removeEventListener('abort', cancel);
  }
}

function describeNeed(need: Need): string {
  switch (need.type) {
    case 'address':
      return `the addresses of ${need.host}`;
    case 'service':
      return `the services _${need.service}._${need.proto}.${need.domain}`;
    case 'interface':
      return `the addresses of interface ${need.name}`;
    case 'hostname':
      return "this host's name";
    case 'file-exists':
    case 'file':
      return `the file ${need.path}`;
  }
}

/** Of one pass. */
const MAX_NEEDS = 256;
