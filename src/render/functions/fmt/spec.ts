/** The flags, width and precision of one verb; undefined: not given. */
export interface Spec {
  readonly verb: string;
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  /** `%+v`: with the names of fields. */
  readonly named: boolean;
  /** `%#v`: as Go source. */
  readonly source: boolean;
}

export const PLAIN: Spec = {
  verb: 'v',
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
  named: false,
  source: false,
};

/** To the width, in code points; with zeros, if they are asked for and `zeros` lets them. */
export function pad(spec: Spec, text: string, zeros = true): string {
  // A code point is one or two units: a long text needn't be counted.
  if (spec.width === undefined || text.length >= 2 * spec.width) return text;
  const missing = spec.width - Array.from(text).length;
  if (missing <= 0) return text;
  if (spec.minus) return text + ' '.repeat(missing);
  return (spec.zero && zeros ? '0' : ' ').repeat(missing) + text;
}
