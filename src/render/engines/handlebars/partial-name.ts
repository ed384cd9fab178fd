/** The path under templates/, without `.hbs`, or what is wrong with it. It can't leave the folder. */
export function partialName(node: hbs.AST.Expression): string | { readonly wrong: string } {
  if (node.type === 'SubExpression') {
    return { wrong: 'a partial is named outright, not by a call, so that its file can be watched' };
  }
  const { data = false, original } = node as Partial<hbs.AST.PathExpression>;
  if (data || typeof original !== 'string') {
    return { wrong: 'a partial is named by its path under the templates folder, as in {{> dir/name}}' };
  }
  return checkedName(original);
}

/** As {@link partialName}, for a name given as text. */
export function checkedName(text: string): string | { readonly wrong: string } {
  const name = text.endsWith('.hbs') ? text.slice(0, -'.hbs'.length) : text;
  const segments = name.split('/');
  if (segments.every((segment) => /^[A-Za-z0-9_.-]+$/.test(segment) && !/^\.+$/.test(segment))) return name;
  return {
    wrong: `${JSON.stringify(text)} is no path under the templates folder: letters, digits, _, - and . between slashes were expected`,
  };
}
