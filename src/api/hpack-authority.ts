/** `:authority` in the static table (RFC 7541, appendix A). */
const AUTHORITY = 1;

/**
 * One past the last Huffman code of each length in bits (RFC 7541, appendix B). The code is canonical: bits are a whole
 * code as soon as they are below their length's limit. Up to 15 bits, which is all of printable ASCII but `\`.
 */
const CODE_LIMITS = [0, 0, 0, 0, 0, 10, 46, 124, 254, 0, 1_021, 2_045, 4_092, 8_190, 16_382, 32_767] as const;

const SLASH = 0x2f;
const HYPHEN = 0x2d;
/** Both are codes of six bits, 011000 and 010110: turning three bits over makes the one the other. */
const SLASH_CODE = 0b011000;
const SLASH_CODE_BITS = 6;
const DIFFERING_BITS = [2, 3, 4] as const;

/**
 * Turns the slashes of a header block's literal `:authority` into hyphens, in place: an authority can't have slashes
 * (RFC 3986, section 3.2), and HTTP/2 servers may refuse the request, yet some Go programs send the URL they were
 * given. No length changes, neither of the bytes nor of the decoded text, so the decoder's dynamic table goes on to
 * evict what the encoder's does. A block that is cut short or malformed stays as it is from there on.
 */
export function mendAuthority(block: Buffer): void {
  const reader = new BlockReader(block);
  while (!reader.done) {
    const first = reader.peek();
    // Indexed fields (6.1), and changes of the dynamic table's size (6.3).
    if (first >= 0x80) {
      reader.integer(7);
      continue;
    }
    if (first >= 0x20 && first < 0x40) {
      reader.integer(5);
      continue;
    }
    // Literals (6.2): to be indexed, or not.
    const name = reader.integer(first >= 0x40 ? 6 : 4);
    if (name === 0) reader.string();
    const value = reader.string();
    if (name !== AUTHORITY) continue;
    if (value?.huffman === true) mendHuffman(value.bytes);
    else if (value !== undefined) mendPlain(value.bytes);
    return;
  }
}

/** Reads a header block's integers and strings (RFC 7541, section 5); what can't be read is its end. */
class BlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  get done(): boolean {
    return this.#at >= this.#block.length;
  }

  /** The next byte, which stays. */
  peek(): number {
    return this.#block[this.#at] ?? 0;
  }

  /** An integer whose first byte has that many bits of it (5.1); at most 28 bits follow. */
  integer(prefixBits: number): number | undefined {
    const mask = 2 ** prefixBits - 1;
    let value = this.peek() & mask;
    this.#at++;
    if (value < mask) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#block[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#at = this.#block.length;
    return undefined;
  }

  /** A string's bytes as they are (5.2), shared with the block; undefined where they aren't all here. */
  string(): { readonly bytes: Buffer; readonly huffman: boolean } | undefined {
    const huffman = this.peek() >= 0x80;
    const length = this.integer(7);
    const from = this.#at;
    if (length === undefined || from + length > this.#block.length) {
      this.#at = this.#block.length;
      return undefined;
    }
    this.#at += length;
    return { bytes: this.#block.subarray(from, this.#at), huffman };
  }
}

function mendPlain(text: Buffer): void {
  for (let at = text.indexOf(SLASH); at >= 0; at = text.indexOf(SLASH, at + 1)) text[at] = HYPHEN;
}

function mendHuffman(bytes: Buffer): void {
  let code = 0;
  let length = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    code = (code << 1) | (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    const limit = CODE_LIMITS[++length];
    // Rarer than anything in a URL, or the padding.
    if (limit === undefined) return;
    if (code >= limit) continue;
    if (length === SLASH_CODE_BITS && code === SLASH_CODE) {
      for (const differing of DIFFERING_BITS) flip(bytes, bit - SLASH_CODE_BITS + 1 + differing);
    }
    code = 0;
    length = 0;
  }
}

function flip(bytes: Buffer, bit: number): void {
  const at = bit >> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (0x80 >> (bit & 7));
}
