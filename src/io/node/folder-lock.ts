import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, realpath, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ConfetdError, messageOf, systemCode } from '../../base/errors.js';

/** Bytes that a Unix socket's path may have everywhere (104 on macOS, 108 on Linux, with the zero at the end). */
const MAX_SOCKET_PATH = 103;
/** How long a holder that accepts connections may take to tell its process ID, ms. */
const ANSWER_MS = 1_000;
/** Lost races after which something else must be wrong. */
const MAX_TRIES = 100;

const LOCK = /^lock\.(\d+)$/;
const CANDIDATE = /^lock\.candidate-[0-9a-f]+$/;

/** A data folder that this process alone uses. */
export interface FolderLock {
  readonly folder: string;
  release(): Promise<void>;
}

/**
 * Makes this process the only user of a folder, which must exist. Fails with `data_folder` while another process has
 * it, naming that process. The lock ends with the process, however that ends.
 *
 * Node has no flock, so the lock is a listening Unix socket in the folder: `lock.N`, with N counting up. Each contender
 * listens under a name of its own first, and then tries to link its socket to `lock.N+1`; a link fails where the name
 * exists (as O_EXCL does), so one wins, and it answers connections from the moment its name is there.
 * - A connection to the newest lock that is refused (ECONNREFUSED) proves that its process has ended. Only then is the
 *   next number tried: nobody ever removes a lock that could be alive, and there is no second lock that could go stale.
 * - A winner looks again: if there is a newer lock by now, it came too late, and tries anew. The newest lock is never
 *   removed, not even on release, so numbers never fall, and two can't both find theirs to be the newest.
 *
 * Hosts that share a folder over a network file system don't see each other's sockets.
 */
export async function acquire(folder: string): Promise<FolderLock> {
  let real: string;
  let handle: FileHandle;
  try {
    real = await realpath(folder);
    handle = await open(real, 'r');
  } catch (error) {
    throw unusable(folder, error);
  }
  let candidate: Candidate | undefined;
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const newest = await newestLock(real);
      if (newest > 0) {
        const holder = await ask(socketPath(real, `lock.${newest}`, handle));
        if (holder.state === 'alive') throw taken(folder, holder.pid);
        if (holder.state === 'unclear') continue;
      }
      const contender: Candidate = candidate ?? (await listen(real, handle));
      candidate = contender;
      const ours = join(real, `lock.${newest + 1}`);
      const linked = await linkExclusive(contender.path, ours);
      if (linked === 'no candidate') {
        await close(contender.server);
        candidate = undefined;
      }
      if (linked !== 'linked') continue;
      if ((await newestLock(real)) !== newest + 1) {
        await removeQuietly(ours);
        continue;
      }
      await removeQuietly(contender.path);
      await removeOlder(real, newest, handle);
      return {
        folder,
        release: async () => {
          await close(contender.server);
          await handle.close();
        },
      };
    }
    throw new ConfetdError(
      'data_folder',
      `data folder ${folder} could not be locked in ${MAX_TRIES} tries: look which processes start confetd on it`,
    );
  } catch (error) {
    if (candidate !== undefined) await close(candidate.server);
    await handle.close();
    throw error instanceof ConfetdError ? error : unusable(folder, error);
  }
}

interface Candidate {
  readonly server: Server;
  readonly path: string;
}

/** Listens under a name that nobody else has, and answers each connection with the process ID. */
async function listen(folder: string, handle: FileHandle): Promise<Candidate> {
  const name = `lock.candidate-${randomBytes(8).toString('hex')}`;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    // Ended from this side alone: a caller that never closes must not hold up a release.
    socket.end(`${process.pid}\n`, () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: socketPath(folder, name, handle), exclusive: true }, resolve);
  });
  server.unref();
  return { server, path: join(folder, name) };
}

/**
 * A path for bind and connect, which take about a hundred bytes only. A longer one goes through the open folder, which
 * the kernel resolves to the very same file; where there is no /proc, the system's error says that it is too long.
 */
function socketPath(folder: string, name: string, handle: FileHandle): string {
  const path = join(folder, name);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH || process.platform !== 'linux'
    ? path
    : `/proc/self/fd/${handle.fd}/${name}`;
}

/** The highest N of `lock.N`; 0 for none. */
async function newestLock(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map((name) => Number(LOCK.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

type Holder =
  | { readonly state: 'alive'; readonly pid: string | undefined }
  | { readonly state: 'dead' | 'unclear' };

/**
 * Whether a lock's process is alive or has ended; unclear where it is just ending, or the name went away: asked again,
 * it will be one of the two.
 */
function ask(path: string): Promise<Holder> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    let answer = '';
    const answered = (holder: Holder) => {
      socket.destroy();
      resolve(holder);
    };
    const told = () => {
      const pid = /^\d+(?=\n)/.exec(answer)?.[0];
      answered(pid === undefined ? { state: 'unclear' } : { state: 'alive', pid });
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.includes('\n') || answer.length >= 16) told();
    });
    socket.once('end', told);
    // It listens, as it has let us in, but has no time.
    socket.setTimeout(ANSWER_MS, () => answered({ state: 'alive', pid: undefined }));
    socket.once('error', (error) => {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED') answered({ state: 'dead' });
      // More connections wait than the socket queues, so somebody listens.
      else if (code === 'EAGAIN') answered({ state: 'alive', pid: undefined });
      else if (code === 'ENOENT' || code === 'ECONNRESET' || code === 'EPIPE') told();
      else reject(error);
    });
  });
}

/** Gives the candidate a lock's name, unless another has it, or the candidate was taken for a dead one and removed. */
async function linkExclusive(path: string, name: string): Promise<'linked' | 'lost' | 'no candidate'> {
  try {
    await link(path, name);
    return 'linked';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return 'lost';
    if (code === 'ENOENT') return 'no candidate';
    throw error;
  }
}

/**
 * Removes what ended processes left: candidates that nobody listens on, and locks before `newest`, the one that ours
 * follows. That one stays: a scan of the folder that began before ours was linked may miss ours, and must not find
 * less than what it would have found then.
 */
async function removeOlder(folder: string, newest: number, handle: FileHandle): Promise<void> {
  for (const name of await readdir(folder)) {
    const number = Number(LOCK.exec(name)?.[1] ?? Number.NaN);
    const path = join(folder, name);
    if (number < newest) await removeQuietly(path);
    if (CANDIDATE.test(name) && (await ask(socketPath(folder, name, handle))).state === 'dead') {
      await removeQuietly(path);
    }
  }
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function unusable(folder: string, cause: unknown): ConfetdError {
  return new ConfetdError(
    'data_folder',
    `data folder ${folder} can't be locked with a Unix socket in it (${messageOf(cause)}): give --data-dir a folder ` +
      'on a local file system that this user may write to',
    { cause },
  );
}

function taken(folder: string, pid: string | undefined): ConfetdError {
  return new ConfetdError(
    'data_folder',
    `data folder ${folder} is in use by another confetd (pid ${pid ?? 'unknown'}): stop it, or give --data-dir ` +
      'another folder',
  );
}
