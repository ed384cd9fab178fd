import type { MemberService } from '../../member/types.js';
import type { ResponseHeader } from '../../proto/generated/etcd_rpc.js';
import { encodeHeader } from './codec/header.js';

/** Completes answers' headers: the member knows revision and term, this adds who answers. */
export class ResponseHeaders {
  readonly #member: MemberService;
  readonly #memberId: bigint;
  readonly #clusterId: bigint;
  #encodedOf = { revision: -1, term: -1 };
  #encoded: Buffer = Buffer.alloc(0);

  constructor(member: MemberService) {
    this.#member = member;
    this.#memberId = member.identity.memberId;
    this.#clusterId = member.identity.clusterId;
  }

  /** The same header with the identity; a missing one is made from the member's present state. */
  fill(header: ResponseHeader | undefined): ResponseHeader {
    if (header === undefined) return this.at(this.#member.revision);
    header.clusterId = this.#clusterId;
    header.memberId = this.#memberId;
    return header;
  }

  /** A header of a given revision; 0 leaves it out, as the cluster service does. */
  at(revision: number): ResponseHeader {
    return {
      clusterId: this.#clusterId,
      memberId: this.#memberId,
      revision,
      raftTerm: this.#member.term,
    };
  }

  /** The header of a revision, encoded; shared by the many watchers that are told of it, never to be changed. */
  encoded(revision: number): Buffer {
    const { term } = this.#member;
    if (revision !== this.#encodedOf.revision || term !== this.#encodedOf.term) {
      this.#encoded = encodeHeader(this.at(revision));
      this.#encodedOf = { revision, term };
    }
    return this.#encoded;
  }
}
