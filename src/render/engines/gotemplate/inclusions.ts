import type { Node } from './parse/nodes.js';
import type { Trees } from './parse/parser.js';
import type { Source } from './parse/token-stream.js';

/** A file that `include` asks for, and where. */
export interface Inclusion {
  /** Undefined: only the render knows it. */
  readonly name: string | undefined;
  readonly source: Source;
  readonly at: number;
}

/** The files that a file's templates include. A template that it defines itself is none. */
export function inclusions(source: Source, trees: Trees): Inclusion[] {
  const found: Inclusion[] = [];
  const visit = (node: Node): void => {
    if (node.type === 'command') {
      const [first, argument] = node.operands;
      if (first.type === 'identifier' && first.name === 'include') {
        const name = argument?.type === 'string' ? argument.text : undefined;
        const isOwn = name !== undefined && name !== source.name && trees.has(name);
        if (!isOwn) found.push({ name, source, at: (argument ?? first).at });
      }
    }
    for (const part of partsOf(node)) if (part !== undefined) visit(part);
  };
  for (const root of trees.values()) visit(root);
  return found;
}

/** The nodes directly in a node. */
export function partsOf(node: Node): readonly (Node | undefined)[] {
  if (node.type === 'list') return node.nodes;
  if (node.type === 'action' || node.type === 'template') return [node.pipe];
  if (node.type === 'if' || node.type === 'with' || node.type === 'range') {
    return [node.pipe, node.list, node.elseList];
  }
  if (node.type === 'pipe') return node.commands;
  if (node.type === 'command') return node.operands;
  return node.type === 'chain' ? [node.node] : [];
}
