import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import type { Clock, Timer } from '../io/clock.js';
import type { Log } from '../io/log.js';
import type { HashKVResponse } from '../proto/generated/etcd_rpc.js';

/** Tries to find two members at one revision and one compaction, and pauses between them (doubled each time). */
const MAX_TRIES = 6;
const FIRST_PAUSE_MS = 1_000;
/** From when a member has caught up until it reads all its state: its clients and its files come first. */
const SETTLE_MS = 10_000;
/** Between two members, so that a round isn't one long burst of reading. */
const REST_MS = 1_000;

export interface HashCheckPorts {
  readonly self: bigint;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two rounds of a leader, milliseconds; 0: nothing is ever compared. */
  readonly intervalMs: number;
  /** 0n: nobody is known to lead. */
  leader(): bigint;
  /** Voters and learners, this member not among them. */
  others(): readonly bigint[];
  /** Whether anybody's CORRUPT alarm is raised: then there is nothing to find out. */
  isCorrupt(): boolean;
  /** Resolves once this member is as new as the cluster was when asked. */
  linearizable(): Promise<void>;
  /** Checksum of this member's state at a revision (0: its newest); the header names the revision. */
  hash(revision: number): Promise<HashKVResponse>;
  /** The same of another member, which may take a minute. `out_of_range`: it isn't there yet, or has compacted it. */
  ask(member: bigint, revision: number): Promise<HashKVResponse>;
  /** Raises a member's CORRUPT alarm, through the log. */
  raise(member: bigint): Promise<unknown>;
}

/** Undefined: they couldn't be compared. */
type Comparison = 'equal' | 'different' | undefined;

/**
 * Members compare what they hold: each with the leader when it starts, and the leader with the others now and then, one
 * after the other. Equal revisions and compactions must give equal hashes; where they don't, one of the two was damaged
 * under the log, and the CORRUPT alarm stops the cluster from serving or building on it.
 */
export class HashCheck {
  readonly #ports: HashCheckPorts;
  #timer: Timer | undefined;
  #endPause = (): void => {};
  #stopped = false;

  constructor(ports: HashCheckPorts) {
    this.#ports = ports;
  }

  /** Begins with the comparison of this member's own state. Once. */
  start(): void {
    if (this.#ports.intervalMs === 0) return;
    this.#run(() => this.#checkOwn());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#endPause();
  }

  /** Ends early when this is stopped: no timer of it keeps the process. */
  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#ports.clock.schedule(ms, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #run(work: () => Promise<void>): void {
    const { clock, log, intervalMs } = this.#ports;
    work()
      .catch((error) => {
        if (!this.#stopped) log.warn({}, `could not compare the members’ states: ${messageOf(error)}`);
      })
      .finally(() => {
        if (this.#stopped) return;
        this.#timer = clock.schedule(intervalMs, () => this.#run(() => this.#round()));
      });
  }

  /** A member that starts: does it hold what the leader holds? */
  async #checkOwn(): Promise<void> {
    const ports = this.#ports;
    // Until there is a leader to compare with, as new as it was then.
    for (let pauseMs = FIRST_PAUSE_MS; !this.#stopped; pauseMs = Math.min(2 * pauseMs, ports.intervalMs)) {
      try {
        await ports.linearizable();
        break;
      } catch {
        await this.#pause(pauseMs);
      }
    }
    await this.#pause(SETTLE_MS);
    const leader = ports.leader();
    if (this.#stopped || leader === 0n || leader === ports.self || ports.isCorrupt()) return;
    if ((await this.#compareTwice(leader)) === 'different') await this.#raise(ports.self);
  }

  /** A leader: do the others hold what it holds? Where most of them don't, it is the one that differs. */
  async #round(): Promise<void> {
    const ports = this.#ports;
    const different: bigint[] = [];
    let compared = 1;
    for (const member of ports.others()) {
      if (this.#stopped || ports.leader() !== ports.self || ports.isCorrupt()) return;
      const comparison = await this.#compareTwice(member);
      if (comparison !== undefined) compared++;
      if (comparison === 'different') different.push(member);
      await this.#pause(REST_MS);
    }
    const wrong = different.length * 2 > compared ? [ports.self] : different;
    for (const member of wrong) await this.#raise(member);
  }

  async #raise(member: bigint): Promise<void> {
    if (this.#stopped) return;
    this.#ports.log.error(
      { member: formatId(member) },
      'the state of a member differs from the others’ at the same revision: its data is damaged; the CORRUPT alarm stops reads and writes until it is replaced by an empty member (`member remove`, `member add`) and the alarm is disarmed',
    );
    await this.#ports.raise(member);
  }

  /** An alarm stops everybody: so a difference counts only when it is seen again. */
  async #compareTwice(member: bigint): Promise<Comparison> {
    const first = await this.#compare(member);
    return first === 'different' && !this.#stopped ? await this.#compare(member) : first;
  }

  async #compare(member: bigint): Promise<Comparison> {
    const { log } = this.#ports;
    let pauseMs = FIRST_PAUSE_MS;
    for (let tries = 1; ; tries++) {
      const comparison = await this.#compareOnce(member);
      if (comparison !== 'later' && comparison !== 'away') return comparison;
      if (this.#stopped) return undefined;
      if (tries === MAX_TRIES || comparison === 'away') {
        log.info({ member: formatId(member) }, 'the state of a member could not be compared this time');
        return undefined;
      }
      await this.#pause(pauseMs);
      pauseMs *= 2;
    }
  }

  /** Later: one of them is behind, or they have compacted differently; away: it doesn't answer. */
  async #compareOnce(member: bigint): Promise<'equal' | 'different' | 'later' | 'away'> {
    const ports = this.#ports;
    try {
      const own = await ports.hash(0);
      const revision = own.header?.revision ?? 0;
      const other = await ports.ask(member, revision);
      if (other.header?.revision !== revision || other.compactRevision !== own.compactRevision)
        return 'later';
      return other.hash === own.hash ? 'equal' : 'different';
    } catch (error) {
      if (error instanceof ConfetdError && error.code === 'out_of_range') return 'later';
      ports.log.debug({ member: formatId(member), reason: messageOf(error) }, 'comparing states failed');
      return 'away';
    }
  }
}
