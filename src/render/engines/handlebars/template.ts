import { FunctionError } from '../../functions/types.js';
import { newMap, type Value } from '../../functions/values.js';
import type { RenderContext, Template } from '../../types.js';
import { type Helper, helperNames, makeHelpers, type Running } from './helpers.js';
import { Handlebars } from './library.js';
import { checkedName } from './partial-name.js';
import { Run } from './run.js';
import { located, type Sites } from './sites.js';

/** Compiled code and how Handlebars' own partials call it. */
type Code = (context: unknown, options: object) => string;

/** Access to anything but own properties: never. */
const NO_PROTOTYPES = {
  methods: { whitelist: Object.create(null), defaultValue: false },
  properties: { whitelist: Object.create(null), defaultValue: false },
};

const COMPILE_OPTIONS: CompileOptions = {
  noEscape: true,
  knownHelpersOnly: true,
  knownHelpers: Object.fromEntries(helperNames.map((name) => [name, true])) as KnownHelpers,
  explicitPartialContext: true,
};

/** A strict tree's code, compiled now and not at its first use. */
function compileProgram(program: hbs.AST.Program): Code {
  const compiled = Handlebars.compile(program, COMPILE_OPTIONS) as unknown as Code & {
    _setup(options: object): void;
  };
  compiled._setup({ partial: true });
  return compiled;
}

/** A template and its partials. */
export class HandlebarsTemplate implements Template {
  readonly files: readonly string[];
  readonly #main: Code;
  readonly #partials: Record<string, Code> = Object.create(null);
  readonly #helpers: Record<string, Helper>;
  readonly #running: Running = { run: undefined };

  /** `programs` are strict; each partial is there under its name. */
  constructor(
    files: readonly string[],
    main: hbs.AST.Program,
    partials: ReadonlyMap<string, hbs.AST.Program>,
    sites: Sites,
  ) {
    this.files = files;
    const place = { file: files[0] ?? '', line: 1, column: 1, text: '' };
    try {
      this.#main = compileProgram(main);
      for (const [name, program] of partials) this.#partials[name] = this.#partial(compileProgram(program));
    } catch (error) {
      throw located(error, place, 'the template can not be compiled');
    }
    this.#helpers = makeHelpers(this.#running, sites);
  }

  render(context: RenderContext): string {
    if (this.#running.run !== undefined)
      throw new Error('a template was rendered from within its own render');
    const data = Object.assign(Object.create(null), {
      revision: context.keys.revision,
      src: context.src,
      dest: context.dest,
      item: context.item?.key,
      name: context.item?.name,
      nl: '\n',
      tab: '\t',
    });
    const run = new Run(context, (name, value) => this.#include(name, value, data));
    this.#running.run = run;
    try {
      const text = this.#main(newMap([]), this.#options(data));
      run.checkText(text);
      const missing = run.needs.missing();
      if (missing !== undefined) throw missing;
      return text;
    } catch (error) {
      // What came of empty answers is no error of the template.
      const missing = run.needs.missing();
      if (missing !== undefined) throw missing;
      throw located(error, { file: this.files[0] ?? '', line: 1, column: 1, text: '' }, 'render');
    } finally {
      this.#running.run = undefined;
      if (context.asked !== undefined) for (const need of run.needs.used) context.asked(need);
    }
  }

  /**
   * `partial: true` makes Handlebars take the helpers as they are; otherwise it wraps each of them anew at every
   * render, adds its own, and makes a `root` that templates could reach.
   */
  #options(data: object): object {
    return {
      partial: true,
      helpers: this.#helpers,
      partials: this.#partials,
      data,
      hooks: {},
      protoAccessControl: NO_PROTOTYPES,
    };
  }

  #partial(code: Code): Code {
    return (context, options) => {
      const { run } = this.#running;
      try {
        const text = code(context, options);
        run?.reserve(text.length);
        return text;
      } finally {
        run?.leavePartial();
      }
    };
  }

  #include(name: string, value: Value, data: object): string {
    const checked = checkedName(name);
    const partial = typeof checked === 'string' ? this.#partials[checked] : undefined;
    const { run } = this.#running;
    if (partial === undefined || run === undefined) throw new FunctionError(`there is no ${name}`);
    run.enterPartial();
    return partial(value === undefined ? newMap([]) : value, this.#options(data));
  }
}
