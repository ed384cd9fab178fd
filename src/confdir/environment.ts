import type { Fields } from './fields.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$${` is a literal `${`. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * A value with `${NAME}` and `${NAME:-default}` replaced, as a shell would. Commands are not read through this: theirs is
 * the environment of the command. Undefined: something in it isn't set, which has been told to `fields`.
 */
export function fromEnvironment(
  fields: Fields,
  key: string,
  value: string | undefined,
  env: Environment,
): string | undefined {
  if (value === undefined || !value.includes('${')) return value;
  let wrong: string | undefined;
  const text = value.replace(REFERENCE, (written, inner: string | undefined) => {
    if (inner === undefined) return '${';
    const [, name, fallback] = (written.endsWith('}') ? NAME.exec(inner) : null) ?? [];
    if (name === undefined) {
      wrong ??= `${key}: ${JSON.stringify(written)} is no variable: write \${NAME} or \${NAME:-default}, or $\${ for the text itself`;
      return '';
    }
    const found = env[name];
    if (found !== undefined && (found !== '' || fallback === undefined)) return found;
    if (fallback === undefined)
      wrong ??= `${key}: the environment variable ${name} isn't set: set it, or write \${${name}:-default}`;
    return fallback ?? '';
  });
  if (text.includes('\0')) wrong ??= `${key} holds a NUL character: remove it`;
  return wrong === undefined ? text : fields.error(key, wrong);
}

export function textsFromEnvironment(
  fields: Fields,
  key: string,
  values: readonly string[] | undefined,
  env: Environment,
): readonly string[] | undefined {
  return values?.flatMap((value) => fromEnvironment(fields, key, value, env) ?? []);
}
