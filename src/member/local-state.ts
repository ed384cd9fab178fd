import { ConfetdError, messageOf } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import { type Disk, readFile } from '../io/disk.js';

/** Members come and go; one that is met may have been removed long since. The oldest go first beyond this. */
const MAX_INSTANCES = 1_000;

interface Stored {
  readonly caughtUp: boolean;
  /** Member ID in hex → instance in hex. */
  readonly instances: Readonly<Record<string, string>>;
}

/**
 * What a member knows by itself, not from the log: `member/local.json`. It belongs to the data folder, so a snapshot of
 * another member doesn't touch it.
 */
export class LocalState {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #instances: Map<bigint, bigint>;
  /** Writes under way of those that were just met. */
  readonly #pending = new Map<bigint, Promise<void>>();
  #caughtUp: boolean;
  /** The newest content that a write has begun with or will. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, folder: string, stored: Stored) {
    this.#disk = disk;
    this.#folder = folder;
    this.#caughtUp = stored.caughtUp;
    this.#instances = new Map(
      Object.entries(stored.instances).map(([id, instance]) => [BigInt(`0x${id}`), BigInt(`0x${instance}`)]),
    );
  }

  /** Reads it from `folder`; there may be none yet. Fails with `data_folder` where it can't be read as JSON. */
  static async open(disk: Disk, folder: string): Promise<LocalState> {
    const path = `${folder}/local.json`;
    // A process that was killed may have renamed it into place and not synced the name; from here on it is relied on.
    await disk.syncFolder(folder);
    if (!(await disk.exists(path))) return new LocalState(disk, folder, { caughtUp: false, instances: {} });
    try {
      return new LocalState(disk, folder, JSON.parse((await readFile(disk, path)).toString()) as Stored);
    } catch (error) {
      throw new ConfetdError(
        'data_folder',
        `${path} is damaged (${messageOf(error)}): restore the whole data folder, or remove this member from the cluster and add it anew with an empty one`,
        { cause: error },
      );
    }
  }

  /** This folder's member has once been as new as the cluster was: its state is worth rendering. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  setCaughtUp(): Promise<void> {
    if (this.#caughtUp) return Promise.resolve();
    this.#caughtUp = true;
    return this.#save();
  }

  /** Which data folder a member ID was first met with. */
  instanceOf(id: bigint): bigint | undefined {
    return this.#instances.get(id);
  }

  /** Resolves once it is durable. Where the disk refuses it rejects, and nobody was met. */
  async met(id: bigint, instance: bigint): Promise<void> {
    if (this.#instances.get(id) === instance) return this.#pending.get(id);
    const [oldest] = this.#instances.keys();
    if (this.#instances.size >= MAX_INSTANCES && oldest !== undefined) this.#instances.delete(oldest);
    this.#instances.set(id, instance);
    const saved = this.#save();
    this.#pending.set(id, saved);
    try {
      await saved;
    } catch (error) {
      this.#instances.delete(id);
      throw error;
    } finally {
      this.#pending.delete(id);
    }
  }

  #save(): Promise<void> {
    const before = this.#writing.catch(() => undefined);
    this.#writing = before.then(async () => {
      const stored: Stored = {
        caughtUp: this.#caughtUp,
        instances: Object.fromEntries(
          [...this.#instances].map(([id, value]) => [formatId(id), formatId(value)]),
        ),
      };
      const fresh = `${this.#folder}/local.json.tmp`;
      await this.#disk.remove(fresh);
      const file = await this.#disk.open(fresh, 'create');
      try {
        await file.write(0, Buffer.from(`${JSON.stringify(stored)}\n`));
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#disk.rename(fresh, `${this.#folder}/local.json`);
      await this.#disk.syncFolder(this.#folder);
    });
    return this.#writing;
  }
}
