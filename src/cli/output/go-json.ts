/** What {@link goJson} writes: an undefined field is left out, a bigint is a bare number, bytes are base64. */
export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | Buffer
  | readonly Json[]
  | { readonly [field: string]: Json | undefined };

/** JSON as Go's encoding/json writes it: fields in the order given, `<`, `>` and `&` escaped. */
export function goJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return goJsonString(value);
  if (Buffer.isBuffer(value)) return `"${value.toString('base64')}"`;
  if (isList(value)) return `[${value.map(goJson).join(',')}]`;
  const fields: string[] = [];
  for (const [field, each] of Object.entries(value)) {
    if (each !== undefined) fields.push(`${goJsonString(field)}:${goJson(each)}`);
  }
  return `{${fields.join(',')}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function goJsonString(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]|\\[bf]/g,
    (found) => GO_ESCAPES[found] ?? `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Go before 1.22 has no short form for these two. */
const GO_ESCAPES: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c' };

/** A field with Go's omitempty: left out where it is zero, false or empty. */
export function orNone<Value extends string | number | bigint | boolean | Buffer>(
  value: Value,
): Value | undefined {
  if (Buffer.isBuffer(value)) return value.length === 0 ? undefined : value;
  return value === 0 || value === 0n || value === false || value === '' ? undefined : value;
}

/** A list with Go's omitempty. */
export function orNoneList(list: readonly Json[]): readonly Json[] | undefined {
  return list.length === 0 ? undefined : list;
}
