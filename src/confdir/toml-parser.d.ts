declare module '@iarna/toml/parse-string.js' {
  import type { JsonMap } from '@iarna/toml';

  /** Throws an error that may have the fault's `line`, `col` and `pos`. */
  export default function parse(text: string): JsonMap;
}
