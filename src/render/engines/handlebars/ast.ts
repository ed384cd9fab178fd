/** The few nodes of Handlebars' syntax tree that the strict pass puts in place of others. */

const UNSTRIPPED = { open: false, close: false };

/** A helper's name, a block parameter, or (without parts) the context. */
export function path(...parts: string[]): hbs.AST.PathExpression {
  return { ...bare('PathExpression'), data: false, depth: 0, parts, original: parts.join('.') };
}

export function dataPath(name: string): hbs.AST.PathExpression {
  return { ...bare('PathExpression'), data: true, depth: 0, parts: [name], original: `@${name}` };
}

export function number(value: number): hbs.AST.NumberLiteral {
  return { ...bare('NumberLiteral'), value, original: value };
}

export function text(value: string): hbs.AST.StringLiteral {
  return { ...bare('StringLiteral'), value, original: value };
}

/** `(helper site args…)`. */
export function call(
  helper: string,
  site: number,
  args: readonly hbs.AST.Expression[],
): hbs.AST.SubExpression {
  return { ...bare('SubExpression'), path: path(helper), params: [number(site), ...args], ...noHash() };
}

/** `{{helper site args…}}` in place of another mustache, whose whitespace control it keeps. */
export function mustache(
  original: hbs.AST.MustacheStatement,
  helper: string,
  site: number,
  arg: hbs.AST.Expression,
): hbs.AST.MustacheStatement {
  return {
    ...bare('MustacheStatement'),
    path: path(helper),
    params: [number(site), arg],
    ...noHash(),
    escaped: false,
    strip: original.strip ?? UNSTRIPPED,
  };
}

/**
 * A node without its location: Handlebars would write it into the arguments of every call, which costs more than the
 * calls themselves. Sites replace it.
 */
function bare<T extends string>(type: T): { type: T; loc: hbs.AST.SourceLocation } {
  return { type } as { type: T; loc: hbs.AST.SourceLocation };
}

function noHash(): { hash: hbs.AST.Hash } {
  return {} as { hash: hbs.AST.Hash };
}
