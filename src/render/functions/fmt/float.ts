/**
 * Go's strconv.FormatFloat for a float64. `precision` -1 is the fewest digits that read back as the same number.
 * `alternate` (`#`) keeps trailing zeros and the point.
 */
export function formatFloat(
  number: number,
  verb: 'e' | 'E' | 'f' | 'g' | 'G',
  precision: number,
  alternate = false,
): string {
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '+Inf' : '-Inf';
  const sign = number < 0 || Object.is(number, -0) ? '-' : '';
  const size = Math.abs(number);
  const digits = verb === 'f' ? fixed(size, precision) : general(size, verb, precision, alternate);
  const text = alternate && !digits.includes('.') ? withPoint(digits) : digits;
  return sign + (verb === 'E' || verb === 'G' ? text.toUpperCase() : text);
}

function fixed(size: number, precision: number): string {
  if (precision < 0) return plain(size);
  // toFixed takes up to 100 places; a double has no digits beyond 1,100 and zeros follow.
  const places = Math.min(precision, 100);
  const text =
    size < 1e21 ? size.toFixed(places) : plain(size) + (places > 0 ? `.${'0'.repeat(places)}` : '');
  return places < precision ? text + '0'.repeat(precision - places) : text;
}

function general(size: number, verb: 'e' | 'E' | 'g' | 'G', precision: number, alternate: boolean): string {
  if (verb === 'e' || verb === 'E') {
    const places = Math.min(precision, 100);
    const text = places < 0 ? size.toExponential() : size.toExponential(places);
    const [mantissa = '', power = ''] = text.split('e');
    return `${mantissa}${'0'.repeat(Math.max(precision - 100, 0))}${exponent(power)}`;
  }
  const wanted = precision === 0 ? 1 : Math.min(precision, 100);
  const [mantissa = '', power = '0'] = (
    wanted < 0 ? size.toExponential() : size.toExponential(wanted - 1)
  ).split('e');
  const at = Number(power);
  const digits = mantissa.replace('.', '');
  // The shortest form decides as if for 6 digits: 100000, but 1e+06.
  const bound = wanted < 0 ? 6 : wanted;
  const kept = alternate ? digits.padEnd(wanted < 0 ? 6 : wanted, '0') : trimZeros(digits);
  if (at < -4 || at >= bound) {
    const fraction = kept.slice(1);
    return `${kept[0]}${fraction === '' ? '' : `.${fraction}`}${exponent(power)}`;
  }
  if (at < 0) return `0.${'0'.repeat(-at - 1)}${kept}`;
  const whole = kept.slice(0, at + 1).padEnd(at + 1, '0');
  const fraction = kept.slice(at + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** At least two digits, as in Go and C. */
function exponent(power: string): string {
  const number = Number(power);
  return `e${number < 0 ? '-' : '+'}${String(Math.abs(number)).padStart(2, '0')}`;
}

function trimZeros(digits: string): string {
  return digits.replace(/(?<=.)0+$/, '');
}

function withPoint(digits: string): string {
  const at = digits.indexOf('e');
  return at < 0 ? `${digits}.` : `${digits.slice(0, at)}.${digits.slice(at)}`;
}

/** Without an exponent, however large or small. */
function plain(size: number): string {
  const text = String(size);
  const at = text.indexOf('e');
  if (at < 0) return text;
  const power = Number(text.slice(at + 1));
  const [whole = '', fraction = ''] = text.slice(0, at).split('.');
  const digits = whole + fraction;
  if (power < 0) return `0.${'0'.repeat(-power - 1)}${digits}`;
  return digits.padEnd(power + 1, '0');
}
