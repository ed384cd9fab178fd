/** The last bytes of a stream of chunks, in bounded memory. */
export class Tail {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #cut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Whole chunks go while what stays is enough; at most one chunk more than the limit is held.
    for (
      let first = this.#chunks[0];
      first !== undefined && this.#size - first.length >= this.#limit;
      first = this.#chunks[0]
    ) {
      this.#chunks.shift();
      this.#size -= first.length;
      this.#cut = true;
    }
  }

  /** As UTF-8 text, beginning at a whole character. */
  text(): string {
    let bytes = Buffer.concat(this.#chunks);
    const cut = this.#cut || bytes.length > this.#limit;
    if (bytes.length > this.#limit) bytes = bytes.subarray(bytes.length - this.#limit);
    let start = 0;
    while (cut && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
    return bytes.toString('utf8', start);
  }
}
