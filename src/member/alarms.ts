import type { ByteString } from '../base/bytes.js';
import {
  type AlarmMember,
  type AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
} from '../proto/generated/etcd_rpc.js';
import type { RowAccess } from '../store/write-txn.js';

/** A row a raised alarm: member ID as 8 bytes, then the type. Bounds what one listing reads. */
const MAX_ALARMS = 2_000;
const RAISED = Buffer.from([1]);

function rowKey({ memberID, alarm }: AlarmMember): ByteString {
  const key = Buffer.alloc(9);
  key.writeBigUInt64BE(memberID);
  key[8] = alarm;
  return key.toString('latin1');
}

/**
 * Raised alarms. They are replicated, because they decide what apply refuses: a member's own view of its disk never
 * does.
 */
export class Alarms {
  #raised: AlarmMember[] = [];

  constructor(rows: Pick<RowAccess, 'range'>) {
    this.load(rows);
  }

  /** Reads those of a state that was just opened, or restored from a snapshot. */
  load(rows: Pick<RowAccess, 'range'>): void {
    this.#raised = rows.range({ start: '', end: undefined, limit: MAX_ALARMS }).map(({ key }) => {
      const bytes = Buffer.from(key, 'latin1');
      return { memberID: bytes.readBigUInt64BE(0), alarm: bytes[8] as AlarmType };
    });
  }

  get raised(): readonly AlarmMember[] {
    return this.#raised;
  }

  isRaised(alarm: AlarmType): boolean {
    return this.#raised.some((member) => member.alarm === alarm);
  }

  /** Applies a request and answers what it concerned: all matching alarms (get), or those that it changed. */
  apply(rows: RowAccess, request: AlarmRequest): AlarmMember[] {
    const { action, memberID, alarm } = request;
    switch (action) {
      case AlarmRequest_AlarmAction.Activate:
        return this.#activate(rows, { memberID, alarm });
      case AlarmRequest_AlarmAction.Deactivate:
        return this.#deactivate(rows, { memberID, alarm });
      case AlarmRequest_AlarmAction.Get:
        return this.#raised.filter((raised) => alarm === AlarmType.None || raised.alarm === alarm);
      default:
        // An action of a newer client changes nothing.
        return [];
    }
  }

  #activate(rows: RowAccess, wanted: AlarmMember): AlarmMember[] {
    if (wanted.alarm === AlarmType.None) return [];
    const known = this.#raised.find((raised) => rowKey(raised) === rowKey(wanted));
    if (known === undefined) {
      rows.put(rowKey(wanted), RAISED);
      this.#raised = [...this.#raised, wanted];
    }
    return [wanted];
  }

  #deactivate(rows: RowAccess, wanted: AlarmMember): AlarmMember[] {
    const ended = this.#raised.filter((raised) => rowKey(raised) === rowKey(wanted));
    for (const raised of ended) rows.remove(rowKey(raised));
    this.#raised = this.#raised.filter((raised) => !ended.includes(raised));
    return ended;
  }
}
