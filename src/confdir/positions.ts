/** Line and column, both from 1; a column counts UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type KeyPath = readonly (string | number)[];

/**
 * Where the keys and values of a TOML text stand; the parser tells it for syntax errors only. Made for text that has
 * been parsed: anything else gives fewer places, never an error.
 */
export class Positions {
  readonly #text: string;
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<string, number>();
  /** Last index of each `[[table]]`, by its path. */
  readonly #counts = new Map<string, number>();
  readonly #lineStarts: readonly number[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
    this.#document();
  }

  /** Of a key, a table's header or an array's element. */
  key(path: KeyPath): Place | undefined {
    return this.#place(this.#keys.get(id(path)));
  }

  value(path: KeyPath): Place | undefined {
    return this.#place(this.#values.get(id(path)) ?? this.#keys.get(id(path)));
  }

  /** The value as written, for what parsing loses (`0o644`); nested values and comments end it early. */
  raw(path: KeyPath): string {
    const offset = this.#values.get(id(path));
    return offset === undefined
      ? ''
      : (/^[^\s,\]}#]*/.exec(this.#text.slice(offset, offset + 64))?.[0] ?? '');
  }

  #place(offset: number | undefined): Place | undefined {
    if (offset === undefined) return undefined;
    let [low, high] = [0, this.#lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  #document(): void {
    let table: KeyPath = [];
    while (this.#skipSpace()) {
      const start = this.#at;
      if (this.#text[this.#at] === '[') table = this.#header();
      else this.#pair(table, 0);
      // Whatever is left of the line is a comment, or what the parser has refused.
      if (this.#at === start) this.#skipLine();
    }
  }

  #header(): KeyPath {
    const start = this.#at;
    const isArray = this.#text.startsWith('[[', start);
    this.#at += isArray ? 2 : 1;
    const written = this.#keyPath();
    this.#skipLine();
    let path: KeyPath = [];
    for (const [at, name] of written.entries()) {
      path = [...path, name];
      const key = id(path);
      if (!this.#keys.has(key) || (!isArray && at === written.length - 1)) this.#keys.set(key, start);
      const last = this.#counts.get(key);
      if (isArray && at === written.length - 1) {
        this.#counts.set(key, (last ?? -1) + 1);
        path = [...path, (last ?? -1) + 1];
        this.#keys.set(id(path), start);
      } else if (last !== undefined) {
        path = [...path, last];
      }
    }
    return path;
  }

  #pair(table: KeyPath, depth: number): void {
    const start = this.#at;
    const path = [...table, ...this.#keyPath()];
    this.#skipBlanks();
    if (path.length === table.length || this.#text[this.#at] !== '=') return;
    // Dotted keys define their tables where they first stand.
    for (let length = table.length + 1; length < path.length; length++) {
      const parent = id(path.slice(0, length));
      if (!this.#keys.has(parent)) this.#keys.set(parent, start);
    }
    this.#keys.set(id(path), start);
    this.#at++;
    this.#skipBlanks();
    this.#value(path, depth);
  }

  #value(path: KeyPath, depth: number): void {
    this.#values.set(id(path), this.#at);
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") this.#string();
    else if (first === '[' && depth < MAX_DEPTH) this.#array(path, depth + 1);
    else if (first === '{' && depth < MAX_DEPTH) this.#inlineTable(path, depth + 1);
    else this.#skipMatch(/[^\s,\]}#]*/y);
  }

  #array(path: KeyPath, depth: number): void {
    this.#at++;
    for (let index = 0; this.#skipSpace() && this.#text[this.#at] !== ']'; index++) {
      const start = this.#at;
      const element = [...path, index];
      this.#keys.set(id(element), start);
      this.#value(element, depth);
      this.#skipSpace();
      if (this.#text[this.#at] === ',') this.#at++;
      if (this.#at === start) return;
    }
    this.#at++;
  }

  #inlineTable(path: KeyPath, depth: number): void {
    this.#at++;
    while (this.#skipSpace() && this.#text[this.#at] !== '}') {
      const start = this.#at;
      this.#pair(path, depth);
      this.#skipSpace();
      if (this.#text[this.#at] === ',') this.#at++;
      if (this.#at === start) return;
    }
    this.#at++;
  }

  /** `a."b c".d`, up to what can't continue a key. */
  #keyPath(): string[] {
    const names: string[] = [];
    for (;;) {
      this.#skipBlanks();
      const start = this.#at;
      const quote = this.#text[start];
      if (quote === '"' || quote === "'") this.#string();
      else this.#skipMatch(/[A-Za-z0-9_-]+/y);
      if (this.#at === start) return names;
      const written = this.#text.slice(start, this.#at);
      names.push(
        quote === '"' ? decodeEscapes(written.slice(1, -1)) : quote === "'" ? written.slice(1, -1) : written,
      );
      this.#skipBlanks();
      if (this.#text[this.#at] !== '.') return names;
      this.#at++;
    }
  }

  #string(): void {
    this.#skipMatch(
      /"""(?:[^\\]|\\[\s\S])*?"{3,5}(?!")|'''[\s\S]*?'{3,5}(?!')|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?/y,
    );
  }

  /** Past blanks, line ends and comments. False: at the end. */
  #skipSpace(): boolean {
    this.#skipMatch(/(?:\s|#[^\n]*)*/y);
    return this.#at < this.#text.length;
  }

  #skipBlanks(): void {
    this.#skipMatch(/[ \t]*/y);
  }

  #skipLine(): void {
    this.#skipMatch(/[^\n]*\n?/y);
  }

  #skipMatch(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex;
  }
}

/** Deeper values than any key of ours takes are skipped over as text. */
const MAX_DEPTH = 16;

/** Line and column of an offset. */
export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - lineStart + 1 };
}

/** Where bytes stop being UTF-8 text. */
export function placeOfBadByte(bytes: Buffer): Place {
  // The replacement character also stands in texts that hold it rightly: compare byte by byte from there.
  const again = Buffer.from(bytes.toString('utf8'), 'utf8');
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at++;
  return placeAt(bytes.toString('utf8', 0, at), at);
}

function id(path: KeyPath): string {
  return JSON.stringify(path);
}

function decodeEscapes(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gs, (all, short, long, letter) => {
    if (letter !== undefined) return ESCAPES[String(letter)] ?? String(letter);
    const code = Number.parseInt(String(short ?? long), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : String(all);
  });
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r' };
