import { prefixEnd, toByteString, toBytes } from '../../base/bytes.js';
import { badArguments } from './command.js';

/** Keys as etcd selects them. */
export interface Selection {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
}

const ZERO = Buffer.of(0);
const NOTHING = Buffer.alloc(0);

/** What `<key> [range_end]` with --prefix or --from-key selects. */
export function selection(
  key: Buffer,
  end: Buffer | undefined,
  prefix: boolean,
  fromKey: boolean,
): Selection {
  if (prefix) {
    if (key.length === 0) return { key: ZERO, rangeEnd: ZERO };
    return { key, rangeEnd: toBytes(prefixEnd(toByteString(key))) };
  }
  if (fromKey) return { key: key.length === 0 ? ZERO : key, rangeEnd: ZERO };
  return { key, rangeEnd: end ?? NOTHING };
}

/** Checks `<key> [range_end]` against --prefix and --from-key. */
export function checkRange(args: readonly string[], prefix: boolean, fromKey: boolean): void {
  if (prefix && fromKey)
    throw badArguments('`--prefix` and `--from-key` cannot be set at the same time, choose one');
  if (args.length > 1 && (prefix || fromKey)) {
    throw badArguments('too many arguments, only accept one argument when `--prefix` or `--from-key` is set');
  }
}

/** A lease ID in hex. Throws with `bad lease ID` or what `what` says. */
export function leaseId(text: string, what = 'bad lease ID arg'): bigint {
  const [, sign, digits] = /^([+-]?)([0-9a-f]+)$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw badArguments(
      `${what} (strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax), expecting ID in Hex`,
    );
  }
  const id = BigInt(`0x${digits}`) * (sign === '-' ? -1n : 1n);
  if (id !== BigInt.asIntN(64, id)) {
    throw badArguments(
      `${what} (strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range), expecting ID in Hex`,
    );
  }
  return id;
}

/** A whole decimal number; undefined if it isn't one. */
export function wholeNumber(text: string): number | undefined {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

export function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
