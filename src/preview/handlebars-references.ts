import { parse } from '../render/engines/handlebars/parse.js';
import { asksStore, type KeyReference } from './references.js';

/** What a `.hbs` file asks the store for by literal names. Throws where it doesn't parse. */
export function handlebarsReferences(text: string, file: string): readonly KeyReference[] {
  const found: KeyReference[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const one of node) visit(one);
      return;
    }
    if (!isRecord(node)) return;
    const { path, params, loc } = node;
    const [key] = Array.isArray(params) ? (params as readonly unknown[]) : [];
    const name = isRecord(path) && path.type === 'PathExpression' ? path.original : undefined;
    if (typeof name === 'string' && asksStore(name) && isRecord(key) && key.type === 'StringLiteral') {
      const { line, column } = startOf(isRecord(path) ? (path.loc ?? loc) : loc);
      found.push({ name, key: String(key.value), line, column });
    }
    // The parser bounds how deep nodes lie in one another.
    for (const [part, value] of Object.entries(node)) if (part !== 'loc') visit(value);
  };
  visit(parse(text, file));
  return found;
}

function startOf(loc: unknown): { readonly line: number; readonly column: number } {
  const start = isRecord(loc) ? loc.start : undefined;
  const [line, column] = isRecord(start) ? [start.line, start.column] : [];
  return {
    line: typeof line === 'number' ? line : 0,
    column: typeof column === 'number' ? column + 1 : 0,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
