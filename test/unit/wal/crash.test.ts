import { describe, expect, it } from 'vitest';
import { Prng } from '../../../src/base/prng.js';
import type { Entry, HardState, SnapshotMetadata } from '../../../src/proto/generated/raft.js';
import type { WalContents } from '../../../src/wal/types.js';
import type { Wal } from '../../../src/wal/wal.js';
import type { SimDisk } from '../../sim/disk.js';
import { createLog, entries, machine, openLog, state } from './log.js';

/** What a log may hold: the entries after a base (0, or an installed snapshot's index), and the hard state. */
interface Held {
  readonly base: number;
  readonly log: readonly Entry[];
  readonly hardState: HardState | undefined;
}

type Action =
  | { readonly kind: 'append'; readonly entries: readonly Entry[]; readonly hardState: HardState | undefined }
  | { readonly kind: 'snapshot'; readonly snapshot: SnapshotMetadata; readonly hardState: HardState }
  | { readonly kind: 'release'; readonly index: number };

/** A workload with everything a log does: cuts, overwritten entries, commits alone, releases, an installed snapshot. */
function script(): Action[] {
  const actions: Action[] = [];
  const append = (list: readonly Entry[], hardState?: HardState) =>
    actions.push({ kind: 'append', entries: list, hardState });
  let index = 0;
  const some = (count: number, term: number, bytes: number, hardState?: HardState) => {
    append(entries(index + 1, index + count, term, bytes), hardState);
    index += count;
  };
  append([], state(1, 0));
  for (let round = 0; round < 6; round++) {
    some(3, 1, 60, state(1, index));
    append([], state(1, index));
    some(1, 1, 900);
    append([], state(1, index));
  }
  actions.push({ kind: 'release', index: index - 8 });
  index -= 3;
  some(5, 2, 300, state(2, index, 2n));
  // Commits alone just before a cut: the next segment must not outlive them.
  for (let commit = index - 5; commit <= index; commit++) append([], state(2, commit, 2n));
  some(1, 2, 3900);
  append([], state(2, index, 2n));
  some(2, 2, 3000);
  actions.push({ kind: 'release', index: index - 1 });
  index += 50;
  actions.push({
    kind: 'snapshot',
    snapshot: { index, term: 3, confState: { voters: [1n, 2n, 3n], learners: [] } },
    hardState: state(3, index, 3n),
  });
  for (let round = 0; round < 4; round++) some(4, 3, 500, state(3, index, 3n));
  actions.push({ kind: 'release', index: index - 2 });
  some(2, 3, 40);
  return actions;
}

/** What the log holds after each frame of an action that reached the disk. */
function statesOf(held: Held, action: Action): Held[] {
  const found: Held[] = [];
  let now = held;
  const hardState = (next: HardState | undefined) => {
    if (next === undefined) return;
    now = { ...now, hardState: next };
    found.push(now);
  };
  if (action.kind === 'append') {
    for (const each of action.entries) {
      now = { ...now, log: [...now.log.filter(({ index }) => index < each.index), each] };
      found.push(now);
    }
    hardState(action.hardState);
  } else if (action.kind === 'snapshot') {
    now = { ...now, base: action.snapshot.index, log: [] };
    found.push(now);
    hardState(action.hardState);
  }
  return found;
}

/** Runs the workload and keeps account of what the log may hold if the machine ends now. */
class Account {
  /** The last one is what was asked for last; a durable action leaves it alone. */
  possible: Held[] = [{ base: 0, log: [], hardState: undefined }];
  /** What the state has durably applied, from which a start goes on. */
  applied = 0;
  created = false;

  async run(disk: SimDisk, actions: readonly Action[]): Promise<void> {
    const wal = await createLog(disk);
    this.created = true;
    for (const action of actions) await this.act(wal, action);
    await wal.close();
  }

  async act(wal: Wal, action: Action): Promise<void> {
    const before = this.possible.at(-1) as Held;
    this.possible.push(...statesOf(before, action));
    if (action.kind === 'append') {
      await wal.append(action.entries, action.hardState);
    } else if (action.kind === 'snapshot') {
      await wal.saveSnapshot(action.snapshot, action.hardState);
    } else {
      this.applied = Math.max(this.applied, action.index);
      await wal.release(action.index);
      return;
    }
    this.possible = this.possible.slice(-1);
  }

  /** Fails unless the contents are one of what the log may hold; then it is known to be that. */
  check(contents: WalContents): void {
    const match = this.possible.find(
      ({ base, log, hardState }) =>
        sameEntries(
          contents.entries,
          base > this.applied ? log : log.filter(({ index }) => index > this.applied),
        ) &&
        sameState(contents.hardState, hardState) &&
        (base <= this.applied || contents.snapshot?.index === base),
    );
    if (match === undefined) {
      expect({
        hardState: contents.hardState,
        snapshot: contents.snapshot?.index,
        entries: contents.entries.map(({ index, term }) => `${term}/${index}`),
      }).toEqual(
        this.possible.map(({ base, log, hardState }) => ({
          hardState,
          base,
          entries: log.map(({ index, term }) => `${term}/${index}`),
        })),
      );
      throw new Error('the log holds something else than what was written');
    }
    this.possible = [match];
  }
}

function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ type, term, index, data }, at) => {
      const other = b[at] as Entry;
      return type === other.type && term === other.term && index === other.index && data.equals(other.data);
    })
  );
}

function sameState(a: HardState | undefined, b: HardState | undefined): boolean {
  return a?.term === b?.term && a?.vote === b?.vote && a?.commit === b?.commit;
}

/** Runs to the step, ends there as told, and opens the log again, ending the start too at a step of its own. */
async function crashAndRecover(seed: number, step: number, kind: 'power' | 'process'): Promise<boolean> {
  const prng = new Prng(seed * 1_000_003 + step);
  const end = (disk: SimDisk) => (kind === 'power' ? disk.losePower() : disk.crashProcess());
  let disk = await machine(prng.uint32());
  const account = new Account();
  const crash = disk.crashAtStep(disk.steps + step).then(() => true);
  const crashed = await Promise.race([crash, account.run(disk, script()).then(() => false)]);
  if (!crashed) return false;
  disk = end(disk);
  // A start that ends as well, at one of its first steps.
  const again = disk.crashAtStep(disk.steps + 1 + prng.below(4)).then(() => undefined);
  await Promise.race([again, openLog(disk, account.applied).catch(() => undefined)]);
  disk = end(disk);

  const opened = await openLog(disk, account.applied).catch((error: unknown) => {
    // A log whose making was cut off isn't there, and can be made anew.
    if (!account.created && !(error instanceof Error && error.message.includes('bad record')))
      return undefined;
    throw error;
  });
  if (opened === undefined) {
    await (await createLog(disk)).close();
    return true;
  }
  account.check(opened.contents);
  // What a start has shown is durable from then on, and the log goes on: more work or none, then a loss of power.
  const { wal } = opened;
  const next = wal.lastIndex + 1;
  const more = prng.below(2) * 12;
  for (let at = 0; at < more; at++) {
    await account.act(wal, {
      kind: 'append',
      entries: entries(next + at, next + at, 9, 600),
      hardState: state(9, next, 1n),
    });
  }
  disk = disk.losePower();
  account.check((await openLog(disk, account.applied)).contents);
  return true;
}

for (const kind of ['power', 'process'] as const) {
  describe(`a log after the ${kind} was lost`, () => {
    it('at any disk operation holds all that was acknowledged, in order, and nothing that was never written', async () => {
      const rounds = kind === 'power' ? 3 : 2;
      for (let seed = 1; seed <= rounds; seed++) {
        let step = 1;
        while (await crashAndRecover(seed, step, kind)) step++;
        expect(step).toBeGreaterThan(150);
      }
    });
  });
}
