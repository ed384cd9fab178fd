import { goQuote } from '../../functions/fmt/quote.js';
import type { Value } from '../../functions/values.js';
import type { GoFunction } from './builtins/go-function.js';
import { Frame } from './frame.js';
import type { Trees } from './parse/parser.js';
import type { Source } from './parse/token-stream.js';
import type { Run, Running } from './run.js';
import { type Body, compileBody } from './statements.js';

/** Templates that call one another. Go allows 100,000; a stack here holds fewer. */
export const DEFAULT_MAX_DEPTH = 500;

/** The templates of one file, compiled. */
export class Program {
  readonly source: Source;
  readonly #templates = new Map<string, { readonly running: Running; readonly body: Body }>();
  readonly #maxDepth: number;

  constructor(
    source: Source,
    trees: Trees,
    functions: ReadonlyMap<string, GoFunction>,
    maxDepth = DEFAULT_MAX_DEPTH,
  ) {
    this.source = source;
    this.#maxDepth = maxDepth;
    for (const [name, root] of trees) {
      this.#templates.set(name, { running: { name, source }, body: compileBody(root, this, functions) });
    }
  }

  has(name: string): boolean {
    return this.#templates.has(name);
  }

  /** Runs one of the templates; its text goes to the run. `dot` is evaluated once it is known that there is one. */
  call(run: Run, name: string, dot: () => Value): void {
    const called = this.#templates.get(name);
    if (called === undefined) throw run.error(`template ${goQuote(name)} not defined`);
    if (run.depth >= this.#maxDepth) throw run.error(`exceeded maximum template depth (${this.#maxDepth})`);
    const value = dot();
    run.checkDeadline();
    const { node, running } = run;
    run.running = called.running;
    run.depth++;
    called.body.step(new Frame(run, value, called.body.variables));
    run.depth--;
    run.running = running;
    run.node = node;
  }
}
