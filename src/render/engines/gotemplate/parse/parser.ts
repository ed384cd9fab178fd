import { goQuote } from '../../../functions/fmt/quote.js';
import type { BranchNode, EndNode, ListNode, PipeNode, StatementNode, TemplateNode } from './nodes.js';
import { PipelineParser } from './pipelines.js';
import { MAX_NESTING, type Source, TokenStream } from './token-stream.js';
import type { Token } from './tokens.js';
import { unquote } from './unquote.js';

/** A template and those it defines, by name: the file's own first. */
export type Trees = ReadonlyMap<string, ListNode>;

/**
 * Parses a file. `isFunction` knows the names that may be called. Throws a ParseError with Go's text. `{{else with}}`
 * and `{{else range}}` are read too, as newer Go versions do.
 */
export function parseTemplate(source: Source, isFunction: (name: string) => boolean): Trees {
  const tokens = new TokenStream(source);
  const trees = new Map<string, ListNode>();
  const main = new TreeParser(tokens, trees, isFunction);
  main.parseFile();
  return trees;
}

/** One template of a file: its own variables, and loops that `break` may leave. */
class TreeParser {
  readonly #tokens: TokenStream;
  readonly #trees: Map<string, ListNode>;
  readonly #isFunction: (name: string) => boolean;
  readonly #pipelines: PipelineParser;
  /** Where the action under way began; -1: outside of one. */
  #actionAt = -1;
  #ranges = 0;
  #depth = 0;

  constructor(
    tokens: TokenStream,
    trees: Map<string, ListNode>,
    isFunction: (name: string) => boolean,
    depth = 0,
  ) {
    this.#tokens = tokens;
    this.#trees = trees;
    this.#isFunction = isFunction;
    this.#depth = depth;
    this.#pipelines = new PipelineParser(tokens, isFunction, () => this.#actionAt);
  }

  parseFile(): void {
    const tokens = this.#tokens;
    const root: ListNode = { type: 'list', at: tokens.peek().at, nodes: [] };
    while (tokens.peek().type !== 'eof') {
      if (tokens.peek().type === 'left delimiter') {
        const delimiter = tokens.next();
        const word = tokens.nextNonSpace();
        if (word.type === 'define') {
          this.#nested().#definition();
          continue;
        }
        tokens.handBack(delimiter, word);
      }
      const node = this.#textOrAction();
      if (isEnd(node)) tokens.fail(`unexpected {{${node.type}}}`);
      else root.nodes.push(node);
    }
    this.#add(tokens.source.name, root);
  }

  #nested(): TreeParser {
    return new TreeParser(this.#tokens, this.#trees, this.#isFunction, this.#depth);
  }

  /** `{{define "name"}}…{{end}}`, the keyword read already. */
  #definition(): void {
    const context = 'define clause';
    const token = this.#tokens.expect(['string', 'raw string'], context, this.#actionAt);
    const name = this.#unquoted(token);
    this.#tokens.expect(['right delimiter'], context, this.#actionAt);
    this.#body(name, context);
  }

  /** The text of a template that is defined here, up to its end. */
  #body(name: string, context: string): void {
    const { list, end } = this.#list();
    if (end.type !== 'end') this.#tokens.fail(`unexpected {{${end.type}}} in ${context}`);
    this.#add(name, list);
  }

  #add(name: string, root: ListNode): void {
    const known = this.#trees.get(name);
    if (known === undefined || isBlank(known)) this.#trees.set(name, root);
    else if (!isBlank(root)) {
      this.#tokens.fail(`template: multiple definition of template ${goQuote(name)}`);
    }
  }

  /** Up to `{{end}}` or `{{else}}`. */
  #list(): { list: ListNode; end: EndNode } {
    const tokens = this.#tokens;
    const list: ListNode = { type: 'list', at: tokens.peekNonSpace().at, nodes: [] };
    if (++this.#depth > MAX_NESTING) tokens.fail(`more than ${MAX_NESTING} blocks in one another`);
    while (tokens.peekNonSpace().type !== 'eof') {
      const node = this.#textOrAction();
      if (isEnd(node)) {
        this.#depth--;
        return { list, end: node };
      }
      list.nodes.push(node);
    }
    return tokens.fail('unexpected EOF');
  }

  #textOrAction(): StatementNode | EndNode {
    const token = this.#tokens.nextNonSpace();
    if (token.type === 'text') return { type: 'text', at: token.at, text: token.value };
    if (token.type !== 'left delimiter') this.#tokens.unexpected(token, 'input', this.#actionAt);
    this.#actionAt = token.at;
    const node = this.#action();
    this.#actionAt = -1;
    return node;
  }

  #action(): StatementNode | EndNode {
    const tokens = this.#tokens;
    const token = tokens.nextNonSpace();
    const { type } = token;
    if (type === 'if' || type === 'range' || type === 'with') return this.#branch(type);
    if (type === 'end') {
      return { type, at: tokens.expect(['right delimiter'], 'end', this.#actionAt).at };
    }
    if (type === 'else') return this.#else();
    if (type === 'template') return this.#template();
    if (type === 'block') return this.#block();
    if (type === 'break' || type === 'continue') return this.#jump(type, token.at);
    tokens.handBack(token);
    return {
      type: 'action',
      at: tokens.peek().at,
      pipe: this.#pipelines.pipeline('command', 'right delimiter'),
    };
  }

  #jump(type: 'break' | 'continue', at: number): StatementNode {
    const token = this.#tokens.nextNonSpace();
    if (token.type !== 'right delimiter') this.#tokens.unexpected(token, `{{${type}}}`, this.#actionAt);
    if (this.#ranges === 0) this.#tokens.fail(`{{${type}}} outside {{range}}`);
    return { type, at };
  }

  /** `{{else if}}` leaves the `if` to be read by the branch. */
  #else(): EndNode {
    const next = this.#tokens.peekNonSpace();
    if (next.type === 'if' || next.type === 'with') return { type: 'else', at: next.at };
    return { type: 'else', at: this.#tokens.expect(['right delimiter'], 'else', this.#actionAt).at };
  }

  #branch(type: 'if' | 'range' | 'with'): BranchNode {
    const tokens = this.#tokens;
    const mark = this.#pipelines.markVariables();
    const pipe = this.#pipelines.pipeline(type, 'right delimiter');
    if (type === 'range') this.#ranges++;
    const { list, end } = this.#list();
    if (type === 'range') this.#ranges--;
    let elseList: ListNode | undefined;
    if (end.type === 'else') {
      const chained = tokens.peek().type;
      if (type !== 'range' && chained === type) {
        // `{{else if b}}` is `{{else}}{{if b}}` with one end for both.
        tokens.next();
        if (++this.#depth > MAX_NESTING) tokens.fail(`more than ${MAX_NESTING} blocks in one another`);
        elseList = { type: 'list', at: end.at, nodes: [this.#branch(type)] };
        this.#depth--;
      } else {
        if (chained === 'if' || chained === 'with')
          this.#tokens.unexpected(tokens.next(), 'input', this.#actionAt);
        const rest = this.#list();
        elseList = rest.list;
        if (rest.end.type !== 'end') tokens.fail(`expected end; found {{${rest.end.type}}}`);
      }
    }
    this.#pipelines.popVariables(mark);
    return { type, at: pipe.at, pipe, list, elseList };
  }

  /** `{{block "name" pipeline}}…{{end}}` defines a template and calls it. */
  #block(): TemplateNode {
    const context = 'block clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#pipelines.pipeline(context, 'right delimiter');
    this.#nested().#body(name, context);
    return { type: 'template', at: token.at, name, pipe };
  }

  #template(): TemplateNode {
    const context = 'template clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    let pipe: PipeNode | undefined;
    const next = this.#tokens.nextNonSpace();
    if (next.type !== 'right delimiter') {
      this.#tokens.handBack(next);
      pipe = this.#pipelines.pipeline(context, 'right delimiter');
    }
    return { type: 'template', at: token.at, name, pipe };
  }

  #templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'raw string') {
      this.#tokens.unexpected(token, context, this.#actionAt);
    }
    return this.#unquoted(token);
  }

  #unquoted(token: Token): string {
    return unquote(token.value) ?? this.#tokens.fail('invalid syntax');
  }
}

function isEnd(node: StatementNode | EndNode): node is EndNode {
  return node.type === 'end' || node.type === 'else';
}

/** A template of blanks and comments may be defined once more. */
function isBlank(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && /^[\s\x85]*$/.test(node.text));
}
