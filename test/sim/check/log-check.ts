import { decodeRequest } from '../../../src/member/request-codec.js';
import {
  ConfChange,
  type Entry,
  EntryType,
  type SnapshotMetadata,
} from '../../../src/proto/generated/raft.js';
import type { Findings } from '../findings.js';
import type { Applied } from '../observe.js';

/** What the cluster has agreed on at one index. */
interface Agreed {
  readonly term: number;
  readonly data: number;
  readonly by: string;
}

interface State {
  readonly revision: number;
  readonly rows: number;
  readonly conf: string | undefined;
  readonly by: string;
}

/** How far one life of a member has come. */
interface Life {
  committed: number;
  applied: number;
  /** The configuration is to be compared with the next entry: it came from elsewhere than an entry. */
}

export interface LogCheckPorts {
  readonly findings: Findings;
  /** A lease's end is committed: told once, at first sight. */
  readonly revoked: (lease: bigint, index: number) => void;
}

/**
 * Raft's promises (paper, figure 3): one leader a term, one entry an index; and what follows for state machines: at
 * one index all members have the same state and configuration.
 */
export class LogCheck {
  readonly #findings: Findings;
  readonly #revoked: LogCheckPorts['revoked'];
  readonly #leaders = new Map<number, string>();
  readonly #log = new Map<number, Agreed>();
  readonly #states = new Map<number, State>();
  /** Indexes of the configuration changes that were applied, rising, and what each led to. */
  readonly #confs: { readonly index: number; readonly conf: string }[] = [];
  readonly #lives = new Map<object, Life>();
  lastIndex = 0;

  constructor({ findings, revoked }: LogCheckPorts) {
    this.#findings = findings;
    this.#revoked = revoked;
  }

  get elections(): number {
    return this.#leaders.size;
  }

  /** Somebody acts as leader. True: that is news. */
  leads(term: number, who: string): boolean {
    const known = this.#leaders.get(term);
    if (known === who) return false;
    if (known === undefined) this.#leaders.set(term, who);
    else this.#findings.add('one leader a term', `${known} and ${who} lead in term ${term}`);
    return known === undefined;
  }

  committed(life: object, who: string, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { index, term } = entry;
      const mine = { term, data: digest(entry), by: who };
      const known = this.#log.get(index);
      if (known === undefined) this.#agree(entry, mine);
      else if (known.term !== term || known.data !== mine.data) {
        this.#findings.add(
          'committed logs are equal',
          `at ${index} ${known.by} has an entry of term ${known.term}, ${who} one of term ${term}${known.term === term ? ' with other data' : ''}`,
        );
      }
      this.#follows(life, who, 'committed', index);
    }
  }

  #agree(entry: Entry, agreed: Agreed): void {
    this.#log.set(entry.index, agreed);
    this.lastIndex = Math.max(this.lastIndex, entry.index);
    if (entry.type !== EntryType.NORMAL || entry.data.length === 0) return;
    const { kind } = decodeRequest(entry.data);
    if (kind?.$case === 'leaseRevoke') this.#revoked(kind.value.ID, entry.index);
  }

  applied(life: object, who: string, { index, revision, rows, conf }: Applied): void {
    this.#follows(life, who, 'applied', index);
    const known = this.#states.get(index);
    if (known === undefined) {
      this.#states.set(index, { revision, rows, conf, by: who });
      if (conf !== undefined) this.#confs.push({ index, conf });
      return;
    }
    if (known.revision !== revision || known.rows !== rows) {
      this.#findings.add(
        'applied states are equal',
        `entry ${index} made revision ${known.revision} on ${known.by} and ${revision} on ${who}; rows ${known.rows === rows ? 'equal' : 'differ'}`,
      );
    }
    if (known.conf !== conf) this.#confsDiffer(index, known.by, known.conf, who, conf);
  }

  installed(life: object, who: string, { index }: SnapshotMetadata, conf: string): void {
    const mine = this.#life(life);
    mine.committed = Math.max(mine.committed, index);
    mine.applied = Math.max(mine.applied, index);
    const agreed = this.#confs.findLast((each) => each.index <= index);
    if (agreed !== undefined && agreed.conf !== conf)
      this.#confsDiffer(index, 'the log', agreed.conf, who, conf);
  }

  #confsDiffer(
    index: number,
    by: string,
    theirs: string | undefined,
    who: string,
    own: string | undefined,
  ): void {
    this.#findings.add('configurations are equal', `at ${index} ${by} has ${theirs}, ${who} ${own}`);
  }

  #life(life: object): Life {
    let mine = this.#lives.get(life);
    if (mine === undefined) {
      mine = { committed: 0, applied: 0 };
      this.#lives.set(life, mine);
    }
    return mine;
  }

  #follows(life: object, who: string, what: 'committed' | 'applied', index: number): void {
    const mine = this.#life(life);
    if (mine[what] !== 0 && index !== mine[what] + 1)
      this.#findings.add('entries come in order', `${who} has ${what} ${index} after ${mine[what]}`);
    mine[what] = index;
  }
}

function digest({ type, data }: Entry): number {
  let hash = 0x811c9dc5 ^ type;
  for (let at = 0; at < data.length; at++) hash = Math.imul(hash ^ (data[at] as number), 0x01000193);
  return hash >>> 0;
}

/** For traces: what a change of the configuration says. */
export function describeChange(entry: Entry): string {
  const { type, nodeId } = ConfChange.decode(entry.data);
  return `${type} ${nodeId.toString(16)}`;
}
