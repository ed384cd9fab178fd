import { bytesOf, byteText, hasLoneBytes } from '../../../base/byte-text.js';
import { goQuote } from '../../functions/fmt/quote.js';
import { Ledger } from '../../functions/needs.js';
import { type FunctionContext, FunctionError } from '../../functions/types.js';
import type { Value } from '../../functions/values.js';
import type { KeyView, RenderContext } from '../../types.js';
import { type Node, showNode } from './parse/nodes.js';
import { lineAt, type Source } from './parse/token-stream.js';

/** Steps between two looks at the clock. */
const TICKS = 64;

/** Characters of a node, or of what is wrong with it, in an error. */
const MAX_SHOWN = 8192;

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** An error of a render, in Go's words, with its place. */
export class ExecError extends Error {
  override readonly name = 'ExecError';
}

/** The template that is running: its own name, and the file it stands in. */
export interface Running {
  readonly name: string;
  readonly source: Source;
}

/** Runs another template of the same file (`executeTemplate`), or another file (`include`), and answers its text. */
export type CallTemplate = (run: Run, name: string, data: Value) => string;

/** One render: what its calls see, its text so far, and its limits. */
export class Run implements FunctionContext {
  readonly language = 'go';
  readonly keys: KeyView;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
  readonly needs: Ledger;
  readonly maxSize: number;
  readonly #context: RenderContext;
  readonly #include: CallTemplate;
  /** What an error points to: the node that was looked at last. */
  node: Node | undefined;
  running: Running;
  /** Templates called from one another. */
  depth = 0;
  /** Files included from one another. */
  readonly including: string[] = [];
  #text = '';
  /** Characters given out so far, whether or not they are part of the text in the end. */
  #size = 0;
  #ticks = 0;

  constructor(context: RenderContext, running: Running, include: CallTemplate) {
    this.keys = context.keys;
    this.env = context.env;
    this.nowMs = context.nowMs;
    this.needs = new Ledger(context.answers);
    this.maxSize = context.maxBytes;
    this.running = running;
    this.#context = context;
    this.#include = include;
  }

  readonly include = (name: string, data: Value): string => this.#include(this, name, data);

  readonly reserve = (size: number): void => {
    if (size > this.maxSize) throw new FunctionError(this.#tooLarge());
  };

  readonly tick = (): void => {
    if (++this.#ticks % TICKS === 0) this.checkDeadline();
  };

  checkDeadline(): void {
    if (this.#context.monotonicMs() > this.#context.deadlineMs) {
      this.fail('the render was given up at its deadline: it loops over too much');
    }
  }

  write(text: string): void {
    this.#size += text.length;
    if (this.#size > this.maxSize) this.fail(this.#tooLarge());
    this.#text += text;
  }

  /** The text that `body` writes, apart from what was written before. */
  capture(body: () => void): string {
    const before = this.#text;
    this.#text = '';
    body();
    const text = this.#text;
    this.#text = before;
    return text;
  }

  /** The whole text: bytes, where the checks on the way counted characters. */
  finish(): string {
    // Characters that were cut in two may be whole again.
    const text = hasLoneBytes(this.#text) ? byteText(bytesOf(this.#text)) : this.#text;
    if (text.length * 3 > this.maxSize && Buffer.byteLength(text) > this.maxSize) this.fail(this.#tooLarge());
    return text;
  }

  /** Ends the render with Go's text: place, template, node, message. */
  fail(message: string, cause?: unknown): never {
    throw this.error(message, cause);
  }

  error(message: string, cause?: unknown): ExecError {
    const { node } = this;
    const { name, source } = this.running;
    if (node === undefined) return new ExecError(`template: ${name}: ${shorten(message)}`, { cause });
    const { at } = node;
    // The column counts bytes, from 0.
    const column = Buffer.byteLength(source.text.slice(source.text.lastIndexOf('\n', at - 1) + 1, at));
    const place = `${source.name}:${lineAt(source.text, at)}:${at === 0 ? 0 : column}`;
    return new ExecError(
      `template: ${place}: executing ${goQuote(name)} at <${shorten(showNode(node))}>: ${shorten(message)}`,
      {
        cause,
      },
    );
  }

  #tooLarge(): string {
    return `the output passes its limit of ${this.maxSize} bytes`;
  }
}
