import { ConfetdError } from '../../base/errors.js';

/*
 * What of LMDB's file format (version 1.0 of its library, 64-bit) is looked at here. A page's header, 24 bytes,
 * little-endian: its number (8), a transaction's number (8), padding (2), flags (2), then where the node pointers end
 * and where the nodes begin (2 each, counted from the header's end, as the pointers are); of an overflow page these
 * four bytes are how many pages it spans. A meta page goes on with magic (4), version (4), address (8), size of the map
 * (8), two trees' descriptions of 48 bytes (the first one's first field is the page size), the last page's number (8).
 * Of a copy the second meta page counts.
 */
const HEADER_BYTES = 24;
const FLAGS = 18;
const LOWER = 20;
const UPPER = 22;
const MAGIC_AT = HEADER_BYTES;
const MAGIC = 0xbeefc0de;
const PAGE_SIZE_AT = HEADER_BYTES + 24;
const LAST_PAGE_AT = HEADER_BYTES + 120;
const META_BYTES = LAST_PAGE_AT + 8;
const META_PAGES = 2;

const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const META = 0x08;

const NODE_HEADER_BYTES = 8;
/** Of a leaf's node: its value has pages of its own, or is the description of a table. No other kinds are used. */
const BIG_DATA = 0x01;
const SUB_TREE = 0x02;
/** What a leaf holds in place of a value that has overflow pages: where they are. */
const OVERFLOW_REFERENCE_BYTES = 24;

/**
 * Looks at a compacted copy as it comes by, page by page. LMDB maps whatever it is given and trusts it: a page that is
 * missing or isn't one would crash the process that reads it, so what isn't such a copy must not get that far. It
 * sees that every page is where and what it says, is whole, and points within bounds; not whether a value was changed.
 */
export class CopyCheck {
  #rest: Buffer = Buffer.alloc(0);
  #pageBytes = 0;
  #lastPage = 0;
  #page = 0;
  /** Pages to come that belong to an overflow page and have no header. */
  #bare = 0;

  /** Throws `data_loss` at the first page that isn't one. */
  add(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#pageBytes === 0) {
      this.#rest = Buffer.from(bytes);
      if (bytes.length < META_BYTES) return;
      this.#pageBytes = this.#readPageSize(bytes);
    }
    const pageBytes = this.#pageBytes;
    let at = 0;
    for (; bytes.length - at >= pageBytes; at += pageBytes) this.#look(bytes.subarray(at, at + pageBytes));
    bytes = bytes.subarray(at);
    // Not a view of the caller's, who may use the chunk again.
    this.#rest = Buffer.from(bytes);
  }

  /** Throws `data_loss` where the copy isn't whole. */
  end(): void {
    if (
      this.#pageBytes === 0 ||
      this.#rest.length > 0 ||
      this.#bare > 0 ||
      this.#page !== this.#lastPage + 1
    ) {
      throw this.#damaged();
    }
  }

  #readPageSize(meta: Buffer): number {
    const pageBytes = meta.readUInt32LE(PAGE_SIZE_AT);
    const isPower = (pageBytes & (pageBytes - 1)) === 0;
    if (meta.readUInt32LE(MAGIC_AT) !== MAGIC || !isPower || pageBytes < 512 || pageBytes > 65_536) {
      throw this.#damaged();
    }
    return pageBytes;
  }

  #look(page: Buffer): void {
    const number = this.#page++;
    if (number >= META_PAGES && number > this.#lastPage) throw this.#damaged();
    if (this.#bare > 0) {
      this.#bare--;
      return;
    }
    const flags = page.readUInt16LE(FLAGS);
    const sound =
      uint48At(page, 0) === number &&
      page.readUInt16LE(6) === 0 &&
      (number < META_PAGES
        ? flags === META && this.#isMeta(page)
        : flags === BRANCH || flags === LEAF
          ? this.#isTree(page, flags)
          : flags === OVERFLOW && this.#isOverflow(page));
    if (!sound) throw this.#damaged();
  }

  #isMeta(page: Buffer): boolean {
    this.#lastPage = uint48At(page, LAST_PAGE_AT);
    return page.readUInt32LE(MAGIC_AT) === MAGIC && page.readUInt32LE(PAGE_SIZE_AT) === page.length;
  }

  #isOverflow(page: Buffer): boolean {
    const pages = page.readUInt32LE(LOWER);
    this.#bare = pages - 1;
    return pages > 0 && this.#page + this.#bare <= this.#lastPage + 1;
  }

  #isTree(page: Buffer, flags: number): boolean {
    const lower = page.readUInt16LE(LOWER);
    const upper = page.readUInt16LE(UPPER);
    const room = page.length;
    if (lower > upper || upper > room - HEADER_BYTES) return false;
    for (let at = 0; at < lower; at += 2) {
      const node = HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + at);
      if (node < HEADER_BYTES + upper || node + NODE_HEADER_BYTES > room) return false;
      const key = page.readUInt16LE(node + 6);
      let end = node + NODE_HEADER_BYTES + key;
      if (flags === BRANCH) {
        const below = uint48At(page, node);
        if (below < META_PAGES || below > this.#lastPage) return false;
      } else {
        const kind = page.readUInt16LE(node + 4);
        if (kind > SUB_TREE) return false;
        end += kind === BIG_DATA ? OVERFLOW_REFERENCE_BYTES : page.readUInt32LE(node);
      }
      if (end > room) return false;
    }
    return true;
  }

  #damaged(): ConfetdError {
    return new ConfetdError(
      'data_loss',
      `the snapshot is damaged or cut off at page ${this.#page}; send it again`,
    );
  }
}

/** Page numbers are of 48 bits where a node holds one; of 64 elsewhere, of which no file needs more. */
function uint48At(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 0x1_0000_0000;
}
