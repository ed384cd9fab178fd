import { functions } from '../../functions/registry.js';
import type { ParamType, TemplateFunction } from '../../functions/types.js';
import { call, dataPath, path, text } from './ast.js';
import { checkedName } from './partial-name.js';
import type { LoopVariable, Reference as Name, Scope, Static } from './scope.js';
import { failure, type Site, type Sites } from './sites.js';
import type { Reference } from './strict.js';
import { didYouMean } from './suggest.js';

/** An expression in its strict form. */
export interface Compiled {
  readonly node: hbs.AST.Expression;
  readonly type: Static;
  /** As it was written, for errors. */
  readonly text: string;
}

/** A mustache, a block's opening or a subexpression: a name and its arguments. */
interface Call {
  readonly path: hbs.AST.Expression;
  readonly params: readonly hbs.AST.Expression[];
  readonly hash?: hbs.AST.Hash;
}

/** Expressions of one file: resolves names and checks calls. */
export class Expressions {
  readonly #file: string;
  readonly #sites: Sites;
  readonly #references: Reference[];
  #depth = 0;

  constructor(file: string, sites: Sites, references: Reference[]) {
    this.#file = file;
    this.#sites = sites;
    this.#references = references;
  }

  /** An argument. `absentFits`: whoever takes it takes absent values. */
  expression(node: hbs.AST.Expression, scope: Scope, absentFits: boolean): Compiled {
    switch (node.type) {
      case 'StringLiteral':
        return { node, type: 'text', text: JSON.stringify((node as hbs.AST.StringLiteral).value) };
      case 'NumberLiteral': {
        const { value } = node as hbs.AST.NumberLiteral;
        if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
          throw this.#fail(node, `the number ${value} passes 2^53 and would not be exact`);
        }
        return { node, type: 'number', text: String(value) };
      }
      case 'BooleanLiteral':
        return { node, type: 'boolean', text: String((node as hbs.AST.BooleanLiteral).value) };
      case 'SubExpression':
        return this.#nested(node as hbs.AST.SubExpression, scope);
      case 'PathExpression':
        return this.callOrPath({ path: node, params: [] }, scope);
      default:
        if (absentFits) return { node, type: 'unknown', text: 'undefined' };
        throw this.#fail(node, 'null and undefined are no values here');
    }
  }

  /** `{{name args…}}`: a block parameter, then a function, then a field. */
  callOrPath(node: Call, scope: Scope): Compiled {
    const name = node.path as hbs.AST.PathExpression;
    if (name.type !== 'PathExpression') throw this.#fail(name, 'the name of a function was expected');
    const called = node.params.length > 0 || Boolean(node.hash);
    const [first] = name.parts;
    const bare = name.parts.length === 1 && name.depth === 0 && !name.data && !isScoped(name);
    if (bare && first !== undefined) {
      const param = scope.find(first);
      if (param !== undefined && called) {
        throw this.#fail(name, `${first} is a block parameter here and can't be called: rename it in |…|`);
      }
      const known = param === undefined ? functions.get(first) : undefined;
      if (known !== undefined) return this.#call(known, node, scope);
    }
    if (called) throw this.#unknownFunction(name, bare);
    return this.#path(name, scope);
  }

  /** The value that fields are looked up in. */
  self(scope: Scope): Compiled {
    return { node: reference(scope.self), type: scope.self.type, text: 'this' };
  }

  /** What a partial is entered with: its data, and names and values to add to it. */
  enter(site: number, args: readonly hbs.AST.Expression[]): hbs.AST.Expression {
    return call('#enter', site, args);
  }

  literal(value: string): hbs.AST.Expression {
    return text(value);
  }

  site(node: hbs.AST.Node, written: string): number {
    return this.#sites.add(this.place(node, written));
  }

  place(node: hbs.AST.Node, written: string): Site {
    // The strict pass's own nodes have no location; none of them is ever blamed.
    const { line, column } = node.loc?.start ?? { line: 1, column: 0 };
    return { file: this.#file, line, column: column + 1, text: written };
  }

  #nested(node: hbs.AST.SubExpression, scope: Scope): Compiled {
    if (++this.#depth > MAX_DEPTH) throw this.#fail(node, `calls are nested more than ${MAX_DEPTH} deep`);
    const name = node.path;
    if (name.type !== 'PathExpression') throw this.#fail(name, 'the name of a function was expected');
    const known =
      name.parts.length === 1 && !name.data && !isScoped(name) ? functions.get(name.original) : undefined;
    if (known === undefined) throw this.#unknownFunction(name, true);
    if (scope.find(name.original) !== undefined) {
      throw this.#fail(
        name,
        `${name.original} is a block parameter here and can't be called: rename it in |…|`,
      );
    }
    const compiled = this.#call(known, node, scope);
    this.#depth--;
    return compiled;
  }

  #call(known: TemplateFunction, node: Call, scope: Scope): Compiled {
    const { name, arity } = known;
    const count = node.params.length;
    if (node.hash) throw this.#fail(node.hash, `${name} takes no name=value arguments`);
    if (count < arity.min || count > arity.max) {
      const field = count === 0 ? `; for a field of that name write {{this.${name}}}` : '';
      throw this.#fail(node.path, `${name} takes ${arityText(arity)}, not ${count}${field}`);
    }
    const args = node.params.map((param, index) => {
      const arg = this.expression(param, scope, known.takesAbsent);
      const wanted = known.param(index);
      if (!fits(wanted, arg.type)) {
        throw this.#fail(
          param,
          `argument ${index + 1} of ${name} must be ${PARAM_TEXT[wanted]}, and ${arg.text} is ${STATIC_TEXT[arg.type]}`,
        );
      }
      return arg;
    });
    if (name === 'include') this.#include(node);
    if (name === 'executeTemplate') {
      throw this.#fail(
        node.path,
        'executeTemplate runs what a Go template defines: for another file write {{> name}}, or include "name.hbs"',
      );
    }
    const written = count === 0 ? name : `(${name} ${args.map((arg) => arg.text).join(' ')})`;
    const site = this.site(node.path, written);
    return {
      node: call(
        `#call:${name}`,
        site,
        args.map((arg) => arg.node),
      ),
      type: known.yields ?? 'unknown',
      text: shortened(written),
    };
  }

  #include(node: Call): void {
    const [first] = node.params;
    if (first?.type !== 'StringLiteral') {
      throw this.#fail(
        node.path,
        'include takes the name of its file in quotes, so that the file can be watched',
      );
    }
    const name = checkedName((first as hbs.AST.StringLiteral).value);
    if (typeof name === 'object') throw this.#fail(first, name.wrong);
    this.#references.push({ name, site: this.place(first, name) });
  }

  #path(name: hbs.AST.PathExpression, scope: Scope): Compiled {
    if (name.data) return this.#data(name, scope);
    const [first, ...others] = name.parts;
    const param = name.depth === 0 && !isScoped(name) && first !== undefined ? scope.find(first) : undefined;
    if (param !== undefined) return this.#fields(name, reference(param), param.type, others);
    const around = scope.up(name.depth);
    if (around === undefined)
      throw this.#fail(name, `${name.original} leaves the template: there are ${scope.depth} blocks around`);
    const { self } = around;
    if (self.type === 'root') throw this.#nothingThere(name, scope);
    return this.#fields(name, reference(self), self.type, name.parts);
  }

  #nothingThere(name: hbs.AST.PathExpression, scope: Scope): Error {
    const [first = ''] = name.parts;
    if (first === '')
      return this.#fail(name, `${name.original} is nothing here: a template begins without data`);
    if (functions.has(first) && name.original.includes('/')) {
      const key = name.original.slice(first.length);
      return this.#fail(
        name,
        `${name.original} is a path: put the key in quotes, as in {{${first} "${key}"}}`,
      );
    }
    if (['end', 'range', 'define', 'template'].includes(first) || first.startsWith('$')) {
      return this.#fail(
        name,
        `unknown name ${first}: this looks like a Go template: give it the extension .tmpl`,
      );
    }
    const near = didYouMean(first, [...functions.keys(), ...scope.names()]);
    return this.#fail(
      name,
      `unknown name ${first}: it is neither a block parameter nor a function, and there is no data here${near}`,
    );
  }

  #data(name: hbs.AST.PathExpression, scope: Scope): Compiled {
    const [word = '', ...others] = name.parts;
    if (name.depth > 0) {
      throw this.#fail(
        name,
        `${name.original}: name the outer loop's values instead, as in {{#each … as |item index|}}`,
      );
    }
    if (others.length > 0 && (DATA.has(word) || isLoopVariable(word))) {
      throw this.#fail(name, `@${word} has no fields`);
    }
    if (isLoopVariable(word)) {
      const param = scope.loopVariable(word);
      if (param === undefined)
        throw this.#fail(name, `@${word} is known inside {{#each}} only, in the same file`);
      const type = word === 'index' ? 'number' : word === 'key' ? 'unknown' : 'boolean';
      return { node: path(param), type, text: name.original };
    }
    const type = DATA.get(word);
    if (type === undefined) {
      throw this.#fail(
        name,
        `unknown @${word}: there are ${[...DATA.keys(), ...LOOP].map((known) => `@${known}`).join(' ')}`,
      );
    }
    return { node: dataPath(word), type, text: name.original };
  }

  /** Own fields, one after the other. */
  #fields(
    name: hbs.AST.PathExpression,
    base: hbs.AST.PathExpression,
    type: Static,
    fields: readonly string[],
  ): Compiled {
    let node: hbs.AST.Expression = base;
    let known = type;
    for (const field of fields) {
      if (known === 'pair') {
        if (field !== 'key' && field !== 'value') {
          throw this.#fail(
            name,
            `a pair has .key and .value, and no .${field}${didYouMean(field, ['key', 'value'])}`,
          );
        }
        // Known to be an own field: Handlebars' own lookup will do, and costs less than a call.
        node =
          node === base && base.parts.length === 1
            ? path(...base.parts, field)
            : this.#field(name, node, field);
        known = 'text';
      } else if (known === 'unknown') {
        node = this.#field(name, node, field);
      } else {
        throw this.#fail(
          name,
          `${STATIC_TEXT[known]} has no field ${field}${this.#fieldHint(known, name, field)}`,
        );
      }
    }
    return { node, type: known, text: name.original };
  }

  #fieldHint(type: Static, name: hbs.AST.PathExpression, field: string): string {
    if (field === 'length' || field === 'size') return ': (len …) counts';
    if (functions.has(name.original)) return '';
    return type === 'text' && functions.has(field) ? `: write (${field} …)` : '';
  }

  #field(name: hbs.AST.PathExpression, of: hbs.AST.Expression, field: string): hbs.AST.Expression {
    return call('#field', this.site(name, name.original), [of, text(field)]);
  }

  #unknownFunction(name: hbs.AST.PathExpression, bare: boolean): Error {
    const word = name.original;
    if (word === 'lookup') return this.#fail(name, 'unknown function lookup: write (index map key)');
    if (word === 'if' || word === 'unless') {
      return this.#fail(
        name,
        `${word} is a block: for a choice in one place write (ternary whenTrue whenFalse condition)`,
      );
    }
    if (['each', 'with'].includes(word)) return this.#fail(name, `${word} is a block: write {{#${word} …}}`);
    if (['range', 'end', 'define', 'template', 'block'].includes(word) || word.startsWith('$')) {
      return this.#fail(
        name,
        `unknown function ${word}: this looks like a Go template: give it the extension .tmpl`,
      );
    }
    return this.#fail(name, `unknown function ${word}${bare ? didYouMean(word, functions.keys()) : ''}`);
  }

  #fail(node: hbs.AST.Node, message: string): Error {
    return failure(this.place(node, ''), message);
  }
}

/** Calls in calls; far from a stack's end. */
const MAX_DEPTH = 100;

const LOOP: readonly LoopVariable[] = ['index', 'key', 'first', 'last'];
const DATA = new Map<string, Static>([
  ['revision', 'number'],
  ['src', 'text'],
  ['dest', 'text'],
  ['item', 'text'],
  ['name', 'text'],
  ['nl', 'text'],
  ['tab', 'text'],
]);

function isLoopVariable(name: string): name is LoopVariable {
  return (LOOP as readonly string[]).includes(name);
}

/** `this.x` and `./x`: a field, whatever else has the name. */
export function isScoped(name: hbs.AST.PathExpression): boolean {
  return /^(\.\.?(\/|$)|this([./]|$))/.test(name.original);
}

function reference(name: Name): hbs.AST.PathExpression {
  return name.param === undefined ? path() : path(name.param);
}

function arityText({ min, max }: TemplateFunction['arity']): string {
  const least = min === 1 ? '1 argument' : `${min} arguments`;
  if (min === max) return least;
  return max === Number.POSITIVE_INFINITY ? `${least} or more` : `${min} or ${max} arguments`;
}

/** Whether a value of which something is known could be what a parameter asks for. */
function fits(param: ParamType, type: Static): boolean {
  if (type === 'unknown' || param === 'any') return type !== 'root';
  switch (param) {
    case 'text':
      return type === 'text';
    case 'int':
      return type === 'number' || type === 'text';
    case 'bool':
      return type === 'boolean';
    case 'list':
      return type === 'pairs' || type === 'texts' || type === 'numbers';
    case 'map':
      return false;
  }
}

function shortened(written: string): string {
  return written.length > 60 ? `${written.slice(0, 59)}…` : written;
}

const PARAM_TEXT: Record<ParamType, string> = {
  text: 'text',
  int: 'a whole number',
  bool: 'true or false',
  list: 'a list',
  map: 'a map',
  any: 'a value',
};

const STATIC_TEXT: Record<Static, string> = {
  pair: 'a pair',
  pairs: 'a list',
  text: 'text',
  texts: 'a list',
  number: 'a number',
  numbers: 'a list',
  boolean: 'true or false',
  root: 'no value',
  unknown: 'a value',
};
