import { wellFormed } from '../../../base/byte-text.js';
import { ConfetdError } from '../../../base/errors.js';
import { FunctionError } from '../../functions/types.js';
import type { Value } from '../../functions/values.js';
import type { RenderContext, Template } from '../../types.js';
import type { Program } from './program.js';
import { ExecError, Run } from './run.js';

/** Files included from one another. */
const MAX_INCLUDES = 10;

/** A `.tmpl` file and those it includes. */
export class GoTemplate implements Template {
  readonly files: readonly string[];
  readonly #main: Program;
  /** By the name that `include` calls them by. */
  readonly #included: ReadonlyMap<string, Program>;

  constructor(files: readonly string[], main: Program, included: ReadonlyMap<string, Program>) {
    this.files = files;
    this.#main = main;
    this.#included = included;
  }

  render(context: RenderContext): string {
    const { source } = this.#main;
    const run = new Run(context, { name: source.name, source }, this.#include);
    try {
      this.#main.call(run, source.name, () => undefined);
      const text = run.finish();
      const missing = run.needs.missing();
      if (missing !== undefined) throw missing;
      return text;
    } catch (error) {
      // What came of empty answers is no error of the template.
      throw run.needs.missing() ?? told(run, error);
    } finally {
      if (context.asked !== undefined) for (const need of run.needs.used) context.asked(need);
    }
  }

  readonly #include = (run: Run, name: string, data: Value): string => {
    const program = this.#included.get(name);
    const local = run.including.at(-1);
    const current = local === undefined ? this.#main : this.#included.get(local);
    const isFile = program !== undefined || name === current?.source.name;
    if (!isFile && current?.has(name) === true) return run.capture(() => current.call(run, name, () => data));
    if (run.including.includes(name) || (isFile && program === undefined)) {
      throw new FunctionError(`include cycle detected: ${name} is already being processed`);
    }
    if (program === undefined) {
      throw new FunctionError(
        `there is no template ${JSON.stringify(name)}: a file is included by its name in quotes, so that it can be watched`,
      );
    }
    if (run.including.length >= MAX_INCLUDES) {
      throw new FunctionError(`maximum include depth (${MAX_INCLUDES}) exceeded`);
    }
    run.including.push(name);
    const { node, running } = run;
    try {
      return run.capture(() => program.call(run, program.source.name, () => data));
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      run.running = running;
      run.node = node;
      throw new FunctionError(`execute include ${name}: ${error.message}`, { cause: error });
    } finally {
      run.including.pop();
    }
  };
}

/** The render's error as the pipeline knows it. */
function told(run: Run, error: unknown): unknown {
  if (error instanceof ExecError) {
    return new ConfetdError('template', wellFormed(error.message), { cause: error });
  }
  if (error instanceof FunctionError) return told(run, run.error(error.message, error));
  if (!(error instanceof RangeError)) return error;
  return told(run, run.error('the template calls itself, or is nested, too deeply', error));
}
