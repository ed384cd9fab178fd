import {
  type Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
} from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { wholeNumber } from './arguments.js';
import { goUnquote } from './words.js';

const RESULTS: Readonly<Record<string, Result>> = {
  '=': Result.Equal,
  '!=': Result.NotEqual,
  '<': Result.Less,
  '>': Result.Greater,
};

/** Reads `mod("key") > "0"`. Throws with the line where it isn't one. */
export function compareOf(line: string): Compare {
  const malformed = (why = ''): ExitError =>
    new ExitError(EXIT.invalidInput, `malformed comparison: ${line}${why === '' ? '' : ` (${why})`}`);
  const [, target, quotedKey, operator, quotedValue] = SHAPE.exec(line) ?? [];
  if (
    target === undefined ||
    quotedKey === undefined ||
    quotedValue === undefined ||
    operator === undefined
  ) {
    throw malformed('expected target("key") operator "value"');
  }
  const key = goUnquote(quotedKey);
  const value = goUnquote(quotedValue);
  if (key === undefined || value === undefined) throw malformed('a bad escape in the quotes');
  const result = RESULTS[operator];
  if (result === undefined) throw malformed(`unknown operator ${operator}: expected =, !=, < or >`);
  const number = (): number => {
    const parsed = wholeNumber(value.toString('utf8'));
    if (parsed === undefined) throw new ExitError(EXIT.invalidInput, `invalid txn compare request: ${line}`);
    return parsed;
  };
  const of = (kind: Target, targetUnion: Compare['targetUnion']): Compare => ({
    result,
    target: kind,
    key,
    targetUnion,
    rangeEnd: Buffer.alloc(0),
  });
  switch (target) {
    case 'ver':
    case 'version':
      return of(Target.Version, { $case: 'version', value: number() });
    case 'c':
    case 'create':
      return of(Target.Create, { $case: 'createRevision', value: number() });
    case 'm':
    case 'mod':
      return of(Target.Mod, { $case: 'modRevision', value: number() });
    case 'val':
    case 'value':
      return of(Target.Value, { $case: 'value', value });
    case 'lease': {
      const hex = value.toString('utf8');
      if (!/^[0-9a-f]{1,16}$/i.test(hex)) throw malformed('expected a lease ID in hex');
      return of(Target.Lease, { $case: 'lease', value: BigInt.asIntN(64, BigInt(`0x${hex}`)) });
    }
    default:
      throw malformed(`unknown target ${target}`);
  }
}

const QUOTED = '("(?:[^"\\\\]|\\\\.)*"|`[^`]*`)';
const SHAPE = new RegExp(`^([^(]*)\\(\\s*${QUOTED}\\)\\s+(\\S+)\\s+${QUOTED}`);
