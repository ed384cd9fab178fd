import { sortedEntries } from '../../functions/fmt/format.js';
import { isList, isMap, isTrue, listType, type Value } from '../../functions/values.js';
import type { GoFunction } from './builtins/go-function.js';
import { printed } from './builtins/text.js';
import { ExpressionCompiler } from './expressions.js';
import { BREAK, CONTINUE, type Evaluate, type Frame, NEXT, type Signal, type Step } from './frame.js';
import type { BranchNode, ListNode, StatementNode, TemplateNode } from './parse/nodes.js';
import type { Program } from './program.js';
import { Scope } from './scope.js';

/** A template's statements, compiled, and how many variables it has. */
export interface Body {
  readonly step: Step;
  readonly variables: number;
}

export function compileBody(
  root: ListNode,
  program: Program,
  functions: ReadonlyMap<string, GoFunction>,
): Body {
  const scope = new Scope();
  const step = new StatementCompiler(scope, program, functions).list(root);
  return { step, variables: scope.size };
}

class StatementCompiler {
  readonly #scope: Scope;
  readonly #program: Program;
  readonly #expressions: ExpressionCompiler;

  constructor(scope: Scope, program: Program, functions: ReadonlyMap<string, GoFunction>) {
    this.#scope = scope;
    this.#program = program;
    this.#expressions = new ExpressionCompiler(scope, functions);
  }

  list(node: ListNode): Step {
    const steps = node.nodes.map((statement) => this.#statement(statement));
    const [only] = steps;
    if (only === undefined) return () => NEXT;
    if (steps.length === 1) return only;
    return (frame) => {
      for (const step of steps) {
        const signal = step(frame);
        if (signal !== NEXT) return signal;
      }
      return NEXT;
    };
  }

  /** Its variables are not those of the else part, although the parser lets that name them. */
  #scoped(node: ListNode): Step {
    const mark = this.#scope.mark();
    const step = this.list(node);
    this.#scope.pop(mark);
    return step;
  }

  #statement(node: StatementNode): Step {
    switch (node.type) {
      case 'text':
        return (frame) => {
          frame.run.node = node;
          frame.run.write(node.text);
          return NEXT;
        };
      case 'action': {
        const pipeline = this.#expressions.pipeline(node.pipe);
        const prints = node.pipe.variables.length === 0;
        return (frame) => {
          const value = pipeline(frame);
          if (prints) {
            frame.run.node = node;
            frame.run.write(printed(frame.run, value));
          }
          return NEXT;
        };
      }
      case 'if':
      case 'with':
        return this.#choice(node);
      case 'range':
        return this.#range(node);
      case 'template':
        return this.#template(node);
      case 'break':
        return () => BREAK;
      case 'continue':
        return () => CONTINUE;
    }
  }

  #choice(node: BranchNode): Step {
    const mark = this.#scope.mark();
    const pipeline = this.#expressions.pipeline(node.pipe);
    const body = this.#scoped(node.list);
    const otherwise = node.elseList === undefined ? undefined : this.list(node.elseList);
    this.#scope.pop(mark);
    if (node.type === 'if') {
      return (frame) => {
        if (isTrue(pipeline(frame))) return body(frame);
        return otherwise === undefined ? NEXT : otherwise(frame);
      };
    }
    return (frame) => {
      const value = pipeline(frame);
      if (isTrue(value)) return withDot(frame, value, false, body);
      return otherwise === undefined ? NEXT : otherwise(frame);
    };
  }

  #range(node: BranchNode): Step {
    const mark = this.#scope.mark();
    const pipeline = this.#expressions.pipeline(node.pipe);
    const slots = this.#expressions.slotsOf(node.pipe);
    const elementSlot = slots.at(-1);
    const indexSlot = slots.length > 1 ? slots[0] : undefined;
    const body = this.#scoped(node.list);
    const otherwise = node.elseList === undefined ? undefined : this.list(node.elseList);
    this.#scope.pop(mark);
    const once = (frame: Frame, index: Value, element: Value, boxed: boolean): Signal => {
      frame.run.tick();
      if (elementSlot !== undefined) {
        frame.variables[elementSlot] = element;
        frame.boxed[elementSlot] = boxed;
      }
      if (indexSlot !== undefined) {
        frame.variables[indexSlot] = index;
        frame.boxed[indexSlot] = false;
      }
      return withDot(frame, element, boxed, body);
    };
    return (frame) => {
      const value = pipeline(frame);
      if (isList(value) && value.length > 0) {
        const boxed = listType(value) === '[]interface {}';
        for (let index = 0; index < value.length; index++) {
          if (once(frame, index, value[index], boxed) === BREAK) break;
        }
        return NEXT;
      }
      if (isMap(value)) {
        const entries = sortedEntries(value);
        for (const [key, item] of entries) if (once(frame, key, item, true) === BREAK) break;
        if (entries.length > 0) return NEXT;
      } else if (value !== undefined && !isList(value)) {
        frame.run.fail(`range can't iterate over ${printed(frame.run, value)}`);
      }
      return otherwise === undefined ? NEXT : otherwise(frame);
    };
  }

  #template(node: TemplateNode): Step {
    const pipeline: Evaluate =
      node.pipe === undefined ? () => undefined : this.#expressions.pipeline(node.pipe);
    return (frame) => {
      frame.run.node = node;
      this.#program.call(frame.run, node.name, () => pipeline(frame));
      frame.run.node = node;
      return NEXT;
    };
  }
}

function withDot(frame: Frame, dot: Value, boxed: boolean, body: Step): Signal {
  const { dot: before, dotBoxed } = frame;
  frame.dot = dot;
  frame.dotBoxed = boxed;
  const signal = body(frame);
  frame.dot = before;
  frame.dotBoxed = dotBoxed;
  return signal;
}
