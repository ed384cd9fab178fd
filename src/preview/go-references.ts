import { isFunction } from '../render/engines/gotemplate/functions.js';
import { partsOf } from '../render/engines/gotemplate/inclusions.js';
import type { CommandNode, Node } from '../render/engines/gotemplate/parse/nodes.js';
import { parseTemplate } from '../render/engines/gotemplate/parse/parser.js';
import { asksStore, type KeyReference } from './references.js';

export interface GoReferences {
  readonly keys: readonly KeyReference[];
  /** `{{template "name"}}` of names that the file doesn't define, which Go finds out only where it comes by. */
  readonly undefinedTemplates: readonly Omit<KeyReference, 'key'>[];
}

/** What a `.tmpl` file refers to by literal names. Throws where it doesn't parse. */
export function goReferences(text: string, fileName: string): GoReferences {
  const trees = parseTemplate({ name: fileName, text }, isFunction);
  const keys: KeyReference[] = [];
  const undefinedTemplates: Omit<KeyReference, 'key'>[] = [];
  const visit = (node: Node): void => {
    if (node.type === 'template' && !trees.has(node.name))
      undefinedTemplates.push({ name: node.name, ...placeOf(text, node.at) });
    if (node.type === 'pipe') {
      for (const [at, command] of node.commands.entries()) {
        const [first] = command.operands;
        if (first.type !== 'identifier' || !asksStore(first.name)) continue;
        const key = firstArgument(command, node.commands[at - 1]);
        if (key !== undefined) keys.push({ name: first.name, key, ...placeOf(text, first.at) });
      }
    }
    for (const part of partsOf(node)) if (part !== undefined) visit(part);
  };
  for (const root of trees.values()) visit(root);
  return { keys, undefinedTemplates };
}

/** A literal: written behind the function, or piped into it. */
function firstArgument({ operands }: CommandNode, before: CommandNode | undefined): string | undefined {
  const [, argument] = operands;
  if (argument !== undefined) return argument.type === 'string' ? argument.text : undefined;
  const [piped, ...more] = before?.operands ?? [];
  return piped?.type === 'string' && more.length === 0 ? piped.text : undefined;
}

function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, Math.max(0, at));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
}
