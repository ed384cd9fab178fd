import { wellFormed } from '../../../base/byte-text.js';
import { ConfetdError } from '../../../base/errors.js';
import { FunctionError } from '../../functions/types.js';
import type { Value } from '../../functions/values.js';
import type { RenderContext, Template } from '../../types.js';
import { cleanName, type Library } from './library.js';
import type { Program } from './program.js';
import { ExecError, Run } from './run.js';

/** Files included from one another. */
const MAX_INCLUDES = 10;
const MAX_SHOWN = 256;

/** A `.tmpl` file and those it includes. */
export class GoTemplate implements Template {
  readonly files: readonly string[];
  readonly #main: Program;
  readonly #library: Library;
  /** The path of the main file below the templates folder, by which it would include itself. */
  readonly #self: string | undefined;

  constructor(files: readonly string[], main: Program, library: Library, self: string | undefined) {
    this.files = files;
    this.#main = main;
    this.#library = library;
    this.#self = self;
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
    const local = run.including.at(-1);
    const current = local === undefined ? this.#main : this.#library.program(local);
    if (current !== undefined && name !== current.source.name && current.has(name))
      return run.capture(() => current.call(run, name, () => data));
    const path = cleanName(name);
    if (path === undefined)
      throw new FunctionError(`include path ${quoted(name)} is outside template directory`);
    if (path === this.#self || run.including.includes(path))
      throw new FunctionError(`include cycle detected: ${name} is already being processed`);
    const program = this.#library.program(path);
    if (program === undefined) throw new FunctionError(`there is no template ${quoted(name)}`);
    if (run.including.length >= MAX_INCLUDES) {
      throw new FunctionError(`maximum include depth (${MAX_INCLUDES}) exceeded`);
    }
    run.including.push(path);
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

/** A name may come from a key. */
function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name);
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
