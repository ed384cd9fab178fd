import { isTrue, Time, type Value } from '../../functions/values.js';
import type { GoFunction } from './builtins/go-function.js';
import { type Call, compileCall, compileShortCircuit, constantOf } from './calls.js';
import { boxes, fieldOf, refusesArguments, timeMethods } from './fields.js';
import { type Command, type Evaluate, type Frame, UNSET } from './frame.js';
import { type CommandNode, type Node, type OperandNode, type PipeNode, showNode } from './parse/nodes.js';
import type { Scope } from './scope.js';

/** The fields after a value, the last of which may be called. */
type Chain = (frame: Frame, receiver: Value, boxed: boolean, final: Value) => Value;

/** Compiles the expressions of one template to closures. They keep `run.node` where Go would report an error. */
export class ExpressionCompiler {
  readonly #scope: Scope;
  readonly #functions: ReadonlyMap<string, GoFunction>;

  constructor(scope: Scope, functions: ReadonlyMap<string, GoFunction>) {
    this.#scope = scope;
    this.#functions = functions;
  }

  /** A pipeline's value. What it declares stays in scope. */
  pipeline(node: PipeNode): Evaluate {
    const commands = node.commands.map((command, index) => this.#command(command, index > 0));
    const [first, ...others] = commands;
    const store = this.#store(node);
    if (first === undefined) throw new Error('a pipeline without a command was parsed');
    if (others.length === 0 && store === undefined) {
      return (frame) => {
        frame.run.node = node;
        return unboxed(first(frame, undefined));
      };
    }
    return (frame) => {
      frame.run.node = node;
      let value = unboxed(first(frame, undefined));
      for (const command of others) value = unboxed(command(frame, value));
      store?.(frame, value);
      return value;
    };
  }

  /** The slots of a pipeline's variables, in their order, once it was compiled. */
  slotsOf(node: PipeNode): readonly (number | undefined)[] {
    return node.variables.map(({ name }) => this.#scope.slotOf(name));
  }

  #store(node: PipeNode): ((frame: Frame, value: Value) => void) | undefined {
    if (node.variables.length === 0) return undefined;
    const stores = node.variables.map(({ name }) => {
      const slot = node.assigns ? this.#scope.slotOf(name) : this.#scope.declare(name);
      return (frame: Frame, value: Value): void => {
        if (slot === undefined) frame.run.fail(`undefined variable: ${name}`);
        frame.variables[slot] = value;
        frame.boxed[slot] = false;
      };
    });
    return (frame, value) => {
      for (const store of stores) store(frame, value);
    };
  }

  #command(node: CommandNode, hasFinal: boolean): Command {
    const [first, ...args] = node.operands;
    switch (first.type) {
      case 'field': {
        const chain = this.#chain(first.fields, first, args, hasFinal);
        return (frame, final) => {
          frame.run.node = first;
          return chain(frame, frame.dot, frame.dotBoxed, final);
        };
      }
      case 'chain': {
        const chain = this.#chain(first.fields, first, args, hasFinal);
        const operand = this.#operand(first.node) as Evaluate;
        return (frame, final) => {
          frame.run.node = first.node;
          return chain(frame, unboxed(operand(frame)), false, final);
        };
      }
      case 'identifier': {
        const call = this.#call(first.name, node, args, hasFinal);
        return (frame, final) => {
          frame.run.node = first;
          return call(frame, final);
        };
      }
      case 'variable': {
        const read = this.#variable(first.name);
        if (first.fields.length === 0) return this.#alone(first, args, hasFinal, read);
        return this.#variableChain(first, read, args, hasFinal);
      }
      case 'pipe':
        return this.#alone(first, args, hasFinal, this.pipeline(first));
      case 'dot':
        return this.#alone(first, args, hasFinal, (frame) => frame.dot);
      case 'nil':
        return this.#alone(first, args, hasFinal, (frame) => frame.run.fail('nil is not a command'));
      case 'bool':
      case 'number':
      case 'string': {
        const constant = constantOf(first);
        return this.#alone(first, args, hasFinal, (frame) =>
          'refused' in constant ? frame.run.fail(constant.refused) : constant.value,
        );
      }
    }
  }

  /** A value that takes no arguments. */
  #alone(node: OperandNode, args: readonly OperandNode[], hasFinal: boolean, evaluate: Evaluate): Command {
    // An error of parentheses points to what is inside of them, or was evaluated before.
    const isPipe = node.type === 'pipe';
    if (args.length > 0 || hasFinal) {
      return (frame) => {
        if (!isPipe) frame.run.node = node;
        if (node.type === 'variable') evaluate(frame);
        return frame.run.fail(`can't give argument to non-function ${showNode(node)}`);
      };
    }
    if (isPipe) return evaluate;
    return (frame) => {
      frame.run.node = node;
      return evaluate(frame);
    };
  }

  /** An operand as an argument; undefined: it is a literal. */
  readonly #operand = (node: OperandNode): Evaluate | undefined => {
    const { type } = node;
    if (type === 'bool' || type === 'number' || type === 'string' || type === 'nil') return undefined;
    if (type === 'dot') return (frame) => frame.dot;
    if (type === 'pipe') return this.pipeline(node);
    if (type === 'identifier') {
      const call = this.#call(node.name, node, [], false);
      return (frame) => call(frame, undefined);
    }
    const command = this.#command({ type: 'command', at: node.at, operands: [node] }, false);
    return (frame) => command(frame, undefined);
  };

  #call(name: string, place: Node, args: readonly OperandNode[], hasFinal: boolean): Call {
    if (name === 'and') {
      return compileShortCircuit((value) => !isTrue(value), name, args, hasFinal, this.#operand);
    }
    if (name === 'or') return compileShortCircuit(isTrue, name, args, hasFinal, this.#operand);
    const known = this.#functions.get(name);
    if (known === undefined) return (frame) => frame.run.fail(`"${name}" is not a defined function`);
    return compileCall(known, place, args, hasFinal, this.#operand);
  }

  #variable(name: string): Evaluate {
    const slot = this.#scope.slotOf(name);
    const outer = this.#scope.outerSlotOf(name);
    if (slot === undefined) return (frame) => frame.run.fail(`undefined variable: ${name}`);
    return (frame) => {
      let value = frame.variables[slot];
      // Its declaration was passed over (`and false ($x := 1)`): Go sees the one outside of it, if any.
      if (value === UNSET && outer !== undefined) value = frame.variables[outer];
      return value === UNSET ? frame.run.fail(`undefined variable: ${name}`) : (value as Value);
    };
  }

  #variableChain(
    node: OperandNode & { readonly type: 'variable' },
    read: Evaluate,
    args: readonly OperandNode[],
    hasFinal: boolean,
  ): Command {
    const chain = this.#chain(node.fields, node, args, hasFinal);
    const slot = this.#scope.slotOf(node.name) ?? 0;
    return (frame, final) => {
      frame.run.node = node;
      return chain(frame, read(frame), frame.boxed[slot] === true, final);
    };
  }

  #chain(fields: readonly string[], node: Node, args: readonly OperandNode[], hasFinal: boolean): Chain {
    const leading = fields.slice(0, -1);
    const last = fields.at(-1) ?? '';
    const end = this.#lastField(last, node, args, hasFinal);
    if (leading.length === 0) return end;
    // A time on the way has methods too, without arguments.
    const steps = leading.map((name) => this.#lastField(name, node, [], false));
    return (frame, receiver, boxed, final) => {
      let value = receiver;
      let isBoxed = boxed;
      for (const step of steps) {
        const next = step(frame, value, isBoxed, undefined);
        isBoxed = boxes(value);
        value = next;
      }
      return end(frame, value, isBoxed, final);
    };
  }

  #lastField(name: string, node: Node, args: readonly OperandNode[], hasFinal: boolean): Chain {
    const calls = args.length > 0 || hasFinal;
    const method = timeMethods.get(name);
    const call = method === undefined ? undefined : compileCall(method, node, args, hasFinal, this.#operand);
    if (!calls && call === undefined) {
      return (frame, receiver, boxed) => fieldOf(frame.run, receiver, name, boxed);
    }
    return (frame, receiver, boxed, final) => {
      if (call !== undefined && receiver instanceof Time) return call(frame, final, receiver);
      const refusal = calls ? refusesArguments(receiver, name) : undefined;
      return refusal === undefined ? fieldOf(frame.run, receiver, name, boxed) : frame.run.fail(refusal);
    };
  }
}

/** What a pipeline passes on: Go looks into an `interface {}`, and nothing is in nil. */
function unboxed(value: Value): Value {
  return value === null ? undefined : value;
}
