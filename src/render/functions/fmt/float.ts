export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X';

/** Go's strconv.FormatFloat for a float64. `precision` -1 is the fewest digits that read back as the same number. */
export function formatFloat(number: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '+Inf' : '-Inf';
  const sign = number < 0 || Object.is(number, -0) ? '-' : '';
  const size = Math.abs(number);
  switch (verb) {
    case 'f':
      return sign + fixed(size, precision);
    case 'e':
    case 'E':
      return sign + caseOf(verb, scientific(digitsOf(size, precision < 0 ? -1 : precision + 1), precision));
    case 'g':
    case 'G':
      return sign + caseOf(verb, general(size, precision));
    case 'b': {
      const { mantissa, power } = binary(size);
      return `${sign}${mantissa}p${power < 0 ? '-' : '+'}${Math.abs(power)}`;
    }
    case 'x':
    case 'X':
      return sign + caseOf(verb, hexadecimal(size, precision));
  }
}

function caseOf(verb: FloatVerb, text: string): string {
  return verb === verb.toUpperCase() ? text.toUpperCase() : text;
}

/** `0.digits` times ten to the power of `point`. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** Rounded to `count` significant digits, half to even; -1: the fewest that read back as the same. */
function digitsOf(size: number, count: number): Decimal {
  if (size === 0) return { digits: '0', point: 1 };
  if (count >= 0) return rounded(exact(size), count);
  const [mantissa = '', power = '0'] = size.toExponential().split('e');
  return { digits: mantissa.replace('.', ''), point: Number(power) + 1 };
}

/** All digits of a double, of which there are at most 767. */
function exact(size: number): Decimal {
  const { mantissa, power } = binary(size);
  const digits = power >= 0 ? String(mantissa << BigInt(power)) : String(mantissa * 5n ** BigInt(-power));
  return { digits: digits.replace(/(?<=.)0+$/, ''), point: digits.length + Math.min(power, 0) };
}

function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: '0', point: 1 };
  const kept = digits.slice(0, count);
  const next = digits.charCodeAt(count) - ZERO;
  const odd = count > 0 && (digits.charCodeAt(count - 1) - ZERO) % 2 === 1;
  const up = next > 5 || (next === 5 && (digits.length > count + 1 || odd));
  if (!up) return count === 0 ? { digits: '0', point: 1 } : { digits: kept, point };
  const more = String(BigInt(kept === '' ? '0' : kept) + 1n).padStart(count, '0');
  return { digits: more, point: point + (more.length - count) };
}

function fixed(size: number, precision: number): string {
  let { digits, point } = digitsOf(size, -1);
  if (precision >= 0 && size !== 0) {
    const all = exact(size);
    ({ digits, point } = rounded(all, all.point + precision));
    if (/^0*$/.test(digits)) return precision > 0 ? `0.${'0'.repeat(precision)}` : '0';
  }
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  let fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  if (size === 0) return precision > 0 ? `0.${'0'.repeat(precision)}` : '0';
  if (precision >= 0) fraction = fraction.padEnd(precision, '0');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** `precision`: digits after the point; -1: as many as there are. */
function scientific({ digits, point }: Decimal, precision: number): string {
  const fraction =
    precision < 0 ? digits.slice(1) : digits.slice(1).padEnd(precision, '0').slice(0, precision);
  const power = digits === '0' ? 0 : point - 1;
  const exponent = `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return `${digits[0]}${fraction === '' ? '' : `.${fraction}`}e${exponent}`;
}

function general(size: number, precision: number): string {
  const wanted = precision === 0 ? 1 : precision;
  const decimal = digitsOf(size, wanted);
  const digits = decimal.digits.replace(/(?<=.)0+$/, '');
  const power = size === 0 ? 0 : decimal.point - 1;
  // The shortest form decides as if for 6 digits: 100000, but 1e+06.
  if (power < -4 || power >= (wanted < 0 ? 6 : wanted)) {
    return scientific({ digits, point: decimal.point }, -1);
  }
  if (size === 0) return '0';
  const { point } = decimal;
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const fraction = digits.slice(point);
  return digits.slice(0, point).padEnd(point, '0') + (fraction === '' ? '' : `.${fraction}`);
}

/** The mantissa and the power of two of a double. */
function binary(size: number): { mantissa: bigint; power: number } {
  VIEW.setFloat64(0, size);
  const bits = VIEW.getBigUint64(0);
  const fraction = bits & ((1n << 52n) - 1n);
  const biased = Number(bits >> 52n);
  if (biased === 0) return { mantissa: fraction, power: -1074 };
  return { mantissa: fraction | (1n << 52n), power: biased - 1075 };
}

/** `0x1.8p+01`. */
function hexadecimal(size: number, precision: number): string {
  if (size === 0) return `0x0${precision > 0 ? `.${'0'.repeat(precision)}` : ''}p+00`;
  let { mantissa, power } = binary(size);
  while (mantissa < 1n << 52n) {
    mantissa <<= 1n;
    power--;
  }
  // One digit before the point and 15 behind it.
  mantissa <<= 8n;
  power += 52;
  if (precision >= 0 && precision < 15) {
    const shift = BigInt(60 - precision * 4);
    const extra = mantissa & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    mantissa >>= shift;
    if (extra > half || (extra === half && (mantissa & 1n) === 1n)) mantissa++;
    mantissa <<= shift;
    if (mantissa >> 61n !== 0n) {
      mantissa >>= 1n;
      power++;
    }
  }
  const digits = mantissa.toString(16).padStart(16, '0');
  const fraction =
    precision < 0
      ? digits.slice(1).replace(/0+$/, '')
      : digits.slice(1).padEnd(precision, '0').slice(0, precision);
  const exponent = `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return `0x${digits[0]}${fraction === '' ? '' : `.${fraction}`}p${exponent}`;
}

const ZERO = 48;
const VIEW = new DataView(new ArrayBuffer(8));
