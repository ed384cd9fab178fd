import { expect } from 'vitest';
import * as mvcc from '../../../src/proto/generated/etcd_kv.js';
import type { ClusterMember } from '../../cluster-member.js';
import { bytes, Rpc, type Watching } from '../../conformance/rpc.js';
import type { Value } from '../../linearizability/types.js';

/** A change as a watch tells it. */
export interface Change {
  readonly key: string;
  readonly value: Value;
}

/** One watch of all keys from the beginning on, over one stream: what a member says that happened. */
export class MemberHistory {
  readonly #name: string;
  readonly #rpc: Rpc;
  readonly #watching: Watching;
  readonly #watchId: bigint;

  private constructor(name: string, rpc: Rpc, watching: Watching, watchId: bigint) {
    this.#name = name;
    this.#rpc = rpc;
    this.#watching = watching;
    this.#watchId = watchId;
  }

  static async open(member: ClusterMember): Promise<MemberHistory> {
    const rpc = new Rpc(member.endpoint);
    const watching = rpc.watching();
    const { watchId } = await watching.created({ key: bytes('\0'), rangeEnd: bytes('\0'), startRevision: 1 });
    return new MemberHistory(member.name, rpc, watching, watchId);
  }

  /**
   * Revisions 2 to `newest`, waited for; ends the watch. Each revision is there once and in order, for nothing here writes
   * two keys at once.
   */
  async upTo(newest: number): Promise<Change[]> {
    try {
      const events = (): mvcc.Event[] => this.#watching.events(this.#watchId);
      await this.#watching.that(
        () => ((events().at(-1)?.kv?.modRevision ?? 0) >= newest ? true : undefined),
        20_000,
      );
      const all = events().filter(({ kv }) => (kv?.modRevision ?? 0) <= newest);
      const wrong = all.findIndex(({ kv }, at) => kv?.modRevision !== at + 2);
      expect([this.#name, wrong], 'a revision missing, twice, or out of order').toEqual([this.#name, -1]);
      return all.map(({ type, kv }) => ({
        key: kv?.key.toString('latin1') ?? '',
        value: type === mvcc.Event_EventType.DELETE ? null : (kv?.value.toString('latin1') ?? ''),
      }));
    } finally {
      this.#rpc.close();
    }
  }
}
