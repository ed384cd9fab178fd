import type { MemberService } from '../../member/types.js';
import type { ResponseHeader } from '../../proto/generated/etcd_rpc.js';

/** Completes answers' headers: the member knows revision and term, this adds who answers. */
export class ResponseHeaders {
  readonly #member: MemberService;
  readonly #memberId: bigint;
  readonly #clusterId: bigint;

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
      raftTerm: this.#member.status().term,
    };
  }
}
