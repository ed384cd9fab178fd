import { functions } from '../../functions/registry.js';
import type { TemplateFunction } from '../../functions/types.js';
import { mustache, number, path } from './ast.js';
import { type Compiled, Expressions, isScoped } from './expressions.js';
import { partialName } from './partial-name.js';
import { Scope, type Static } from './scope.js';
import { failure, type Site, type Sites } from './sites.js';
import { didYouMean } from './suggest.js';

/** A partial or included template that a file asks for, and where. */
export interface Reference {
  readonly name: string;
  readonly site: Site;
}

export interface Strict {
  readonly program: hbs.AST.Program;
  readonly references: readonly Reference[];
}

/**
 * The pass that makes Handlebars strict: refuses what can be known to be wrong before anything runs, and rewrites the
 * rest so that nothing reaches Handlebars' own lookups. Every mustache becomes a call of `print`, every function one
 * of its checked wrapper, every name a block parameter or an own field.
 */
export function makeStrict(program: hbs.AST.Program, file: string, sites: Sites, root: Static): Strict {
  const pass = new StrictPass(file, sites);
  return { program: pass.program(program, Scope.root(root)), references: pass.references };
}

/** Blocks in blocks; far from a stack's end. */
const MAX_DEPTH = 100;

type Block = 'each' | 'if' | 'unless' | 'with';

class StrictPass {
  readonly references: Reference[] = [];
  readonly #expressions: Expressions;
  #blocks = 0;

  constructor(file: string, sites: Sites) {
    this.#expressions = new Expressions(file, sites, this.references);
  }

  program(program: hbs.AST.Program, scope: Scope): hbs.AST.Program {
    const body = program.body.map((statement) => this.#statement(statement, scope));
    return { ...program, body, blockParams: scope.params() };
  }

  #statement(node: hbs.AST.Statement, scope: Scope): hbs.AST.Statement {
    switch (node.type) {
      case 'MustacheStatement':
        return this.#mustache(node as hbs.AST.MustacheStatement, scope);
      case 'BlockStatement':
        return this.#block(node as hbs.AST.BlockStatement, scope);
      case 'PartialStatement':
        return this.#partial(node as hbs.AST.PartialStatement, scope);
      case 'ContentStatement':
      case 'CommentStatement':
        return node;
      case 'PartialBlockStatement':
        throw this.#fail(
          node,
          'partials with a block are not supported: pass values with {{> name key=value}}',
        );
      default:
        throw this.#fail(
          node,
          'decorators and inline partials are not supported: put the text into a file of its own',
        );
    }
  }

  #mustache(node: hbs.AST.MustacheStatement, scope: Scope): hbs.AST.Statement {
    const name = node.path as hbs.AST.PathExpression;
    if (name.type !== 'PathExpression') {
      throw this.#fail(node.path, 'a literal is not printed: write its text without the {{ }}');
    }
    if (isBlock(name.original)) {
      throw this.#fail(
        name,
        `${name.original} is a block: write {{#${name.original} …}}…{{/${name.original}}}`,
      );
    }
    const value = this.#expressions.callOrPath(node, scope);
    const unprintable = UNPRINTABLE[value.type];
    if (unprintable !== undefined) throw this.#fail(name, `${value.text} is ${unprintable}`);
    // The line break that was written in the template is wanted.
    const raw = !node.escaped || name.original === '@nl';
    return mustache(node, raw ? '#raw' : '#print', this.#expressions.site(name, value.text), value.node);
  }

  #block(node: hbs.AST.BlockStatement, scope: Scope): hbs.AST.Statement {
    if (scope.depth >= MAX_DEPTH) throw this.#fail(node, `blocks are nested more than ${MAX_DEPTH} deep`);
    const name = node.path as hbs.AST.PathExpression;
    const { block, value } = this.#subject(node, scope);
    const site = this.#expressions.site(name, value.text);
    const names = this.#paramNames(node, block);
    const inner = this.#inner(block, names, value.type, scope);
    const program = node.program ? { program: this.program(node.program, inner) } : {};
    const rewritten = {
      ...node,
      path: path(`#${block}`),
      params: [number(site), value.node, ...(block === 'each' ? [number(inner.params().length)] : [])],
      hash: undefined,
      ...program,
      ...(node.inverse ? { inverse: this.program(node.inverse, scope.aside()) } : {}),
    };
    return withoutLocation(rewritten);
  }

  /** What a block is about: `{{#gets "/x/*"}}` is `{{#each (gets "/x/*")}}`. */
  #subject(node: hbs.AST.BlockStatement, scope: Scope): { block: Block; value: Compiled } {
    const name = node.path as hbs.AST.PathExpression;
    const word = name.original;
    if (name.type === 'PathExpression' && isBlock(word)) {
      if (node.hash) throw this.#fail(node.hash, `${word} takes no name=value arguments`);
      const [param, ...more] = node.params;
      if (param === undefined || more.length > 0) {
        throw this.#fail(
          name,
          `${word} takes 1 argument, not ${node.params.length}: put a call in parentheses, as in {{#${word} (gets "/x/*")}}`,
        );
      }
      const value = this.#expressions.expression(param, scope, true);
      const wrong = word === 'each' ? NOT_A_LIST[value.type] : undefined;
      if (wrong !== undefined)
        throw this.#fail(param, `each needs a list or a map, and ${value.text} is ${wrong}`);
      return { block: word, value };
    }
    const known = this.#function(node, scope);
    const value = this.#expressions.callOrPath(node, scope);
    if (known.kind === 'value') {
      throw this.#fail(
        name,
        `${word} gives neither a list nor true or false, so it can't open a block: write {{#if (${word} …)}} or {{#with (${word} …)}}`,
      );
    }
    return { block: known.kind === 'list' ? 'each' : 'if', value };
  }

  #function(node: hbs.AST.BlockStatement, scope: Scope): TemplateFunction {
    const name = node.path as hbs.AST.PathExpression;
    const word = name.original;
    const parts = name.type === 'PathExpression' ? name.parts : undefined;
    const bare = parts?.length === 1 && !name.data && !isScoped(name) && scope.find(word) === undefined;
    const known = bare ? functions.get(word) : undefined;
    if (known !== undefined) return known;
    if (bare && node.params.length > 0) {
      throw this.#fail(name, `unknown block ${word}${didYouMean(word, [...BLOCKS, ...functions.keys()])}`);
    }
    throw this.#fail(
      name,
      `unknown block ${word}${bare ? didYouMean(word, [...BLOCKS, ...functions.keys()]) : ''}: for a value write {{#each ${word}}}, {{#if ${word}}} or {{#with ${word}}}`,
    );
  }

  #paramNames(node: hbs.AST.BlockStatement, block: Block): readonly string[] {
    const names = node.program?.blockParams ?? [];
    const most = block === 'each' ? 2 : block === 'with' ? 1 : 0;
    if (names.length > most) {
      throw this.#fail(
        node.path,
        `${block} gives ${most} block parameters, not the ${names.length} of |${names.join(' ')}|`,
      );
    }
    if ((node.inverse?.blockParams ?? []).length > 0)
      throw this.#fail(node.path, 'an else part has no block parameters');
    if (new Set(names).size < names.length)
      throw this.#fail(node.path, `|${names.join(' ')}| names two values alike`);
    return names;
  }

  #inner(block: Block, names: readonly string[], type: Static, scope: Scope): Scope {
    const id = this.#blocks++;
    switch (block) {
      case 'each':
        return scope.loop(id, names, ITEM[type] ?? 'unknown');
      case 'with':
        return scope.with(id, names, type);
      case 'if':
      case 'unless':
        return scope.aside();
    }
  }

  #partial(node: hbs.AST.PartialStatement, scope: Scope): hbs.AST.Statement {
    const { name: nameNode } = node;
    const name = partialName(nameNode);
    if (typeof name === 'object') throw this.#fail(nameNode, name.wrong);
    if (node.params.length > 1)
      throw this.#fail(nameNode, `{{> ${name}}} takes 1 value at most, not ${node.params.length}`);
    this.references.push({ name, site: this.#expressions.place(nameNode, name) });
    const [param] = node.params;
    const data =
      param === undefined ? this.#expressions.self(scope) : this.#expressions.expression(param, scope, false);
    const fields = (node.hash?.pairs ?? []).flatMap((pair) => [
      this.#expressions.literal(pair.key),
      this.#expressions.expression(pair.value, scope, false).node,
    ]);
    const site = this.#expressions.site(nameNode, `{{> ${name}}}`);
    return withoutLocation({
      ...node,
      name: path(name),
      params: [this.#expressions.enter(site, [data.node, ...fields])],
      hash: undefined,
    });
  }

  #fail(node: hbs.AST.Node, message: string): Error {
    return failure(this.#expressions.place(node, ''), message);
  }
}

const BLOCKS: readonly Block[] = ['each', 'if', 'unless', 'with'];

function isBlock(name: string): name is Block {
  return (BLOCKS as readonly string[]).includes(name);
}

/** See {@link bare} in ast.ts. */
function withoutLocation<T extends object>(node: T): hbs.AST.Statement {
  const { loc: _, ...rest } = node as T & { loc?: unknown };
  return rest as unknown as hbs.AST.Statement;
}

const ITEM: Partial<Record<Static, Static>> = { pairs: 'pair', texts: 'text', numbers: 'number' };

const NOT_A_LIST: Partial<Record<Static, string>> = {
  pair: 'a pair',
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
};

const UNPRINTABLE: Partial<Record<Static, string>> = {
  pair: 'a pair: print its .key or its .value',
  pairs: 'a list: loop over it with {{#each …}}',
  texts: 'a list: loop over it with {{#each …}}, or print (join … ",")',
  numbers: 'a list: loop over it with {{#each …}}, or print (join … ",")',
  root: 'no value: a template begins without data',
};
