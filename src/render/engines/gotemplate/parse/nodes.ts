import { goQuote } from '../../../functions/fmt/quote.js';
import type { NumberLiteral } from './numbers.js';

/** What a template parses into. `at` is the offset that errors point to. */
interface Place {
  readonly at: number;
}

export interface TextNode extends Place {
  readonly type: 'text';
  readonly text: string;
}
export interface ActionNode extends Place {
  readonly type: 'action';
  readonly pipe: PipeNode;
}
export interface BranchNode extends Place {
  readonly type: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}
export interface TemplateNode extends Place {
  readonly type: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}
export interface JumpNode extends Place {
  readonly type: 'break' | 'continue';
}
export interface ListNode extends Place {
  readonly type: 'list';
  readonly nodes: StatementNode[];
}
export type StatementNode = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;

/** Where a list ends; never part of one. `else` may have the keyword that follows it in the same action. */
export interface EndNode extends Place {
  readonly type: 'end' | 'else';
}

export interface PipeNode extends Place {
  readonly type: 'pipe';
  readonly assigns: boolean;
  readonly variables: readonly VariableNode[];
  readonly commands: readonly CommandNode[];
}
export interface CommandNode extends Place {
  readonly type: 'command';
  readonly operands: readonly [OperandNode, ...OperandNode[]];
}
export interface IdentifierNode extends Place {
  readonly type: 'identifier';
  readonly name: string;
}
/** `$x.Field`: the variable's name and the fields. */
export interface VariableNode extends Place {
  readonly type: 'variable';
  readonly name: string;
  readonly fields: readonly string[];
}
export interface FieldNode extends Place {
  readonly type: 'field';
  readonly fields: readonly string[];
}
/** `(…).Field`, `function.Field`. */
export interface ChainNode extends Place {
  readonly type: 'chain';
  readonly node: IdentifierNode | PipeNode;
  readonly fields: readonly string[];
}
export interface NumberNode extends Place {
  readonly type: 'number';
  readonly text: string;
  readonly number: NumberLiteral;
}
export interface StringNode extends Place {
  readonly type: 'string';
  readonly quoted: string;
  readonly text: string;
}
export interface BoolNode extends Place {
  readonly type: 'bool';
  readonly value: boolean;
}
export interface PlainNode extends Place {
  readonly type: 'dot' | 'nil';
}
export type OperandNode =
  | IdentifierNode
  | VariableNode
  | FieldNode
  | ChainNode
  | NumberNode
  | StringNode
  | BoolNode
  | PlainNode
  | PipeNode;

export type Node = StatementNode | ListNode | EndNode | PipeNode | CommandNode | OperandNode;

/** A node written out again, as Go's error messages show it. */
export function showNode(node: Node): string {
  switch (node.type) {
    case 'text':
      return node.text;
    case 'action':
      return `{{${showNode(node.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range': {
      const other = node.elseList === undefined ? '' : `{{else}}${showNode(node.elseList)}`;
      return `{{${node.type} ${showNode(node.pipe)}}}${showNode(node.list)}${other}{{end}}`;
    }
    case 'template':
      return `{{template ${goQuote(node.name)}${node.pipe === undefined ? '' : ` ${showNode(node.pipe)}`}}}`;
    case 'break':
    case 'continue':
    case 'end':
    case 'else':
      return `{{${node.type}}}`;
    case 'list':
      return node.nodes.map(showNode).join('');
    case 'pipe': {
      const variables = node.variables.map(showNode).join(', ');
      const commands = node.commands.map(showNode).join(' | ');
      return variables === '' ? commands : `${variables} := ${commands}`;
    }
    case 'command':
      return node.operands.map(inParens).join(' ');
    case 'identifier':
      return node.name;
    case 'variable':
      return [node.name, ...node.fields].join('.');
    case 'field':
      return node.fields.map((field) => `.${field}`).join('');
    case 'chain':
      return [inParens(node.node), ...node.fields].join('.');
    case 'number':
      return node.text;
    case 'string':
      return node.quoted;
    case 'bool':
      return String(node.value);
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
  }
}

function inParens(node: OperandNode): string {
  return node.type === 'pipe' ? `(${showNode(node)})` : showNode(node);
}
