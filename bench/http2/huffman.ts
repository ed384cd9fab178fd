/**
 * HPACK's Huffman code (RFC 7541, Appendix B), for the printable ASCII that gRPC's headers consist of. The code is
 * canonical, so that lengths are enough: codes of one length ascend with their symbols.
 */
const FIRST_SYMBOL = 32;
const LENGTHS = [
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5,
  6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
];
const MAX_LENGTH = 19;

/** From length and code, as `length << 20 | code`, to the symbol. */
const SYMBOLS = symbols();

function symbols(): Map<number, string> {
  // NUL is the one symbol outside of this alphabet with a code before one of its codes.
  const alphabet = [[0, 13], ...LENGTHS.map((length, index) => [FIRST_SYMBOL + index, length])] as [
    number,
    number,
  ][];
  const map = new Map<number, string>();
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code <<= 1;
    for (const [symbol, bits] of alphabet) {
      if (bits === length) map.set((length << 20) | code++, String.fromCharCode(symbol));
    }
  }
  return map;
}

export function decodeHuffman(bytes: Uint8Array): string {
  let text = '';
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length++;
      const symbol = SYMBOLS.get((length << 20) | code);
      if (symbol !== undefined) {
        text += symbol;
        code = 0;
        length = 0;
      } else if (length > MAX_LENGTH) {
        return `${text}…`;
      }
    }
  }
  return text;
}
