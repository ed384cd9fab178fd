import { goQuote } from '../../../functions/fmt/quote.js';
import type { CommandNode, IdentifierNode, OperandNode, PipeNode, VariableNode } from './nodes.js';
import { showNode } from './nodes.js';
import { readNumber } from './numbers.js';
import { MAX_NESTING, type TokenStream } from './token-stream.js';
import type { Token, TokenType } from './tokens.js';
import { unquote } from './unquote.js';

/** What a command may begin with. */
const OPERANDS: ReadonlySet<TokenType> = new Set([
  'bool',
  'char constant',
  'complex',
  '.',
  'field',
  'identifier',
  'number',
  'nil',
  'raw string',
  'string',
  'variable',
  'left paren',
]);

/** Pipelines: declarations, commands and operands, with the variables that they may name. */
export class PipelineParser {
  readonly #tokens: TokenStream;
  readonly #isFunction: (name: string) => boolean;
  readonly #actionAt: () => number;
  readonly #variables: string[] = ['$'];
  /** How many times each of them is declared. */
  readonly #declared = new Map([['$', 1]]);
  #parens = 0;

  constructor(tokens: TokenStream, isFunction: (name: string) => boolean, actionAt: () => number) {
    this.#tokens = tokens;
    this.#isFunction = isFunction;
    this.#actionAt = actionAt;
  }

  markVariables(): number {
    return this.#variables.length;
  }

  /** Forgets the variables declared since the mark. */
  popVariables(mark: number): void {
    while (this.#variables.length > mark) this.#count(this.#variables.pop() ?? '', -1);
  }

  /** `$a, $b := command | command`, up to `end`. */
  pipeline(context: string, end: TokenType): PipeNode {
    const tokens = this.#tokens;
    const { at } = tokens.peekNonSpace();
    const variables: VariableNode[] = [];
    const assigns = this.#declarations(variables, context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = tokens.nextNonSpace();
      if (token.type === end) break;
      if (!OPERANDS.has(token.type)) tokens.unexpected(token, context, this.#actionAt());
      tokens.handBack(token);
      commands.push(this.#command());
    }
    if (commands.length === 0) tokens.fail(`missing value for ${context}`);
    for (const [index, command] of commands.entries()) {
      if (index > 0 && ['bool', 'dot', 'nil', 'number', 'string'].includes(command.operands[0].type)) {
        tokens.fail(`non executable command in pipeline stage ${index + 1}`);
      }
    }
    return { type: 'pipe', at, assigns, variables, commands };
  }

  /** Answers whether they are assigned (`=`), not declared. */
  #declarations(variables: VariableNode[], context: string): boolean {
    const tokens = this.#tokens;
    for (;;) {
      const variable = tokens.peekNonSpace();
      if (variable.type !== 'variable') return false;
      tokens.next();
      // `$x foo` is an operand and its neighbour: what was read goes back, the blank too.
      const after = tokens.peek();
      const next = tokens.peekNonSpace();
      if (next.type === 'assign' || next.type === 'declare') {
        tokens.nextNonSpace();
        this.#declare(variables, variable);
        return next.type === 'assign';
      }
      if (next.type !== 'char' || next.value !== ',') {
        tokens.handBack(...(after.type === 'space' ? [variable, after] : [variable]));
        return false;
      }
      tokens.nextNonSpace();
      this.#declare(variables, variable);
      if (context !== 'range' || variables.length >= 2) tokens.fail(`too many declarations in ${context}`);
      const follower = tokens.peekNonSpace().type;
      if (follower !== 'variable' && follower !== 'right delimiter' && follower !== 'right paren') {
        tokens.fail('range can only initialize variables');
      }
    }
  }

  #declare(variables: VariableNode[], { at, value }: Token): void {
    variables.push({ type: 'variable', at, name: value, fields: [] });
    this.#variables.push(value);
    this.#count(value, 1);
  }

  #count(name: string, change: number): void {
    this.#declared.set(name, (this.#declared.get(name) ?? 0) + change);
  }

  /** Operands up to a pipe, which is read, or the pipeline's end, which is not. */
  #command(): CommandNode {
    const tokens = this.#tokens;
    const { at } = tokens.peekNonSpace();
    const operands: OperandNode[] = [];
    for (;;) {
      tokens.peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const token = tokens.next();
      if (token.type === 'space') continue;
      if (token.type === 'right delimiter' || token.type === 'right paren') tokens.handBack(token);
      else if (token.type !== 'pipe') tokens.unexpected(token, 'operand', this.#actionAt());
      break;
    }
    const [first, ...others] = operands;
    if (first === undefined) return tokens.fail('empty command');
    return { type: 'command', at, operands: [first, ...others] };
  }

  /** A term and the fields that follow it without a blank. undefined: the next token begins none. */
  #operand(): OperandNode | undefined {
    const tokens = this.#tokens;
    const node = this.#term();
    if (node === undefined) return undefined;
    const { at, type } = tokens.peek();
    if (type !== 'field') return node;
    const fields: string[] = [];
    while (tokens.peek().type === 'field') fields.push(tokens.next().value.slice(1));
    if (node.type === 'field') return { type: 'field', at, fields: [...node.fields, ...fields] };
    if (node.type === 'variable') {
      return { type: 'variable', at, name: node.name, fields: [...node.fields, ...fields] };
    }
    if (node.type === 'identifier' || node.type === 'pipe') return { type: 'chain', at, node, fields };
    return tokens.fail(`unexpected . after term ${goQuote(showNode(node))}`);
  }

  #term(): OperandNode | undefined {
    const tokens = this.#tokens;
    const token = tokens.nextNonSpace();
    const { at, value } = token;
    const type: string = token.type;
    switch (type) {
      case 'identifier':
        return this.#identifier(token);
      case '.':
        return { type: 'dot', at };
      case 'nil':
        return { type: 'nil', at };
      case 'variable':
        if (!this.#declared.get(value)) tokens.fail(`undefined variable ${goQuote(value)}`);
        return { type: 'variable', at, name: value, fields: [] };
      case 'field':
        return { type: 'field', at, fields: [value.slice(1)] };
      case 'bool':
        return { type: 'bool', at, value: value === 'true' };
      case 'char constant':
      case 'complex':
      case 'number': {
        const number = readNumber(value, type);
        if (typeof number === 'string') return tokens.fail(number);
        return { type: 'number', at, text: value, number };
      }
      case 'left paren': {
        if (++this.#parens > MAX_NESTING) tokens.fail(`more than ${MAX_NESTING} parentheses in one another`);
        const pipe = this.pipeline('parenthesized pipeline', 'right paren');
        this.#parens--;
        return pipe;
      }
      case 'string':
      case 'raw string': {
        const text = unquote(value);
        if (text === undefined) return tokens.fail('invalid syntax');
        return { type: 'string', at, quoted: value, text };
      }
    }
    tokens.handBack(token);
    return undefined;
  }

  #identifier({ at, value }: Token): IdentifierNode {
    if (!this.#isFunction(value)) this.#tokens.fail(`function ${goQuote(value)} not defined`);
    return { type: 'identifier', at, name: value };
  }
}
