import { ConfetdError, messageOf } from '../../../base/errors.js';
import { NeedError } from '../../functions/needs.js';
import { FunctionError } from '../../functions/types.js';
import { Complex128, Float64, type Time, type Value } from '../../functions/values.js';
import type { GoFunction } from './builtins/go-function.js';
import type { Evaluate, Frame } from './frame.js';
import { fits, type GoType, nilOf, showType, showTypeOf, takesNil } from './go-types.js';
import {
  type BoolNode,
  type Node,
  type NumberNode,
  type OperandNode,
  type StringNode,
  showNode,
} from './parse/nodes.js';
import { ExecError, type Run } from './run.js';

/** Evaluates an operand that is no literal. */
export type CompileOperand = (node: OperandNode) => Evaluate | undefined;

/** Characters or elements of a result that took its time: the clock is looked at. */
const LARGE = 16_384;

/** A call with its arguments, compiled. The receiver is a method's. */
export type Call = (frame: Frame, final: Value, receiver?: Time) => Value;

/**
 * A call of `fn`, as Go makes it: the number of arguments first, then each one in its turn, checked against its type.
 * `place` is what an error of the function itself points to.
 */
export function compileCall(
  fn: GoFunction,
  place: Node,
  operands: readonly OperandNode[],
  hasFinal: boolean,
  compile: CompileOperand,
): Call {
  const { name, fixed, variadic } = fn;
  const count = operands.length;
  const given = count + (hasFinal ? 1 : 0);
  if (variadic === undefined ? given !== fixed.length : given < fixed.length) {
    const got =
      variadic === undefined ? `${fixed.length} got ${given}` : `at least ${fixed.length} got ${count}`;
    return (frame) => frame.run.fail(`wrong number of args for ${name}: want ${got}`);
  }
  const typeAt = (index: number): GoType => fixed[index] ?? variadic ?? 'value';
  const args = operands.map((operand, index) => compileArgument(operand, typeAt(index), compile));
  const finalType = typeAt(count);
  return (frame, final, receiver) => {
    const { run } = frame;
    const values: Value[] = receiver === undefined ? [] : [receiver];
    for (const arg of args) values.push(arg(frame));
    if (hasFinal) values.push(checked(run, final, finalType));
    run.tick();
    try {
      const result = fn.run(run, values);
      // Text that doubles in a loop must not fill the memory.
      if (typeof result === 'string') run.reserve(result.length);
      if ((typeof result === 'string' || Array.isArray(result)) && result.length > LARGE) run.checkDeadline();
      return result;
    } catch (error) {
      return failed(run, place, name, error);
    }
  };
}

function failed(run: Run, place: Node, name: string, error: unknown): never {
  // What has its place already, asks for data, or ran out of stack, is told where the render ends.
  if (error instanceof ExecError || error instanceof NeedError || error instanceof ConfetdError) throw error;
  if (error instanceof RangeError && error.message.includes('call stack')) throw error;
  run.node = place;
  const message = error instanceof RangeError ? 'the result is too large' : messageOf(error);
  return run.fail(`error calling ${name}: ${message}`, error instanceof FunctionError ? undefined : error);
}

/** `and` and `or`: the first argument that decides, the others are not evaluated. */
export function compileShortCircuit(
  decides: (value: Value) => boolean,
  name: string,
  operands: readonly OperandNode[],
  hasFinal: boolean,
  compile: CompileOperand,
): Call {
  if (operands.length === 0 && !hasFinal) {
    return (frame) => frame.run.fail(`wrong number of args for ${name}: want at least 1 got 0`);
  }
  const args = operands.map((operand) => compileArgument(operand, 'value', compile));
  return (frame, final) => {
    frame.run.tick();
    let value: Value;
    for (const arg of args) {
      value = arg(frame);
      if (decides(value)) return value;
    }
    return hasFinal ? final : value;
  };
}

/** A value as an argument of this type. */
function checked(run: Run, value: Value, type: GoType): Value {
  if (value === undefined) {
    return takesNil(type) ? nilOf(type) : run.fail(`invalid value; expected ${showType(type)}`);
  }
  if (value === null ? type === 'interface {}' || type === 'value' : fits(value, type)) return value;
  return run.fail(`wrong type for value; expected ${showType(type)}; got ${showTypeOf(value, false)}`);
}

function compileArgument(node: OperandNode, type: GoType, compile: CompileOperand): Evaluate {
  const operand = compile(node);
  if (operand !== undefined) {
    return (frame) => {
      frame.run.node = node;
      return checked(frame.run, operand(frame), type);
    };
  }
  const constant = literal(node as BoolNode | NumberNode | StringNode, type);
  return (frame) => {
    frame.run.node = node;
    return 'refused' in constant ? frame.run.fail(constant.refused) : constant.value;
  };
}

type Constant = { readonly value: Value } | { readonly refused: string };

/** A literal as an argument of this type; `nil` too. */
function literal(node: OperandNode, type: GoType): Constant {
  const expected = (what: string): Constant => ({ refused: `expected ${what}; found ${showNode(node)}` });
  if (node.type === 'nil') {
    return takesNil(type) ? { value: nilOf(type) } : { refused: `cannot assign nil to ${showType(type)}` };
  }
  if (type === 'value' || type === 'interface {}') {
    return constantOf(node as BoolNode | NumberNode | StringNode);
  }
  if (type === 'string') return node.type === 'string' ? { value: node.text } : expected('string');
  if (type === 'bool') return node.type === 'bool' ? { value: node.value } : expected('bool');
  const number = node.type === 'number' ? node.number : undefined;
  if (type === 'int') return number?.int === undefined ? expected('integer') : { value: number.int };
  if (type === 'float64') {
    return number?.float === undefined ? expected('float') : { value: new Float64(number.float) };
  }
  return { refused: `can't handle ${showNode(node)} for arg of type ${showType(type)}` };
}

/** A literal where no type is asked for: its form decides. */
export function constantOf(node: BoolNode | NumberNode | StringNode): Constant {
  if (node.type === 'bool') return { value: node.value };
  if (node.type === 'string') return { value: node.text };
  const { int, float, complex, kind } = node.number;
  switch (kind) {
    case 'int':
      return { value: int };
    case 'float':
      return { value: new Float64(float ?? 0) };
    case 'complex':
      return { value: new Complex128(complex?.real ?? 0, complex?.imaginary ?? 0) };
    case 'overflow':
      return { refused: `${node.text} overflows int` };
  }
}
