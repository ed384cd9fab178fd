/** A file as it is now. */
export interface FileNow {
  readonly content: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a file is to be like. An undefined owner is left to the kernel: the process's own. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/**
 * What rendering does to a file system, in steps between which a crash leaves a known state. Errors are Node system
 * errors. Bytes are durable once `create` or `overwrite` has resolved, names after `syncFolder`.
 */
export interface RenderFiles {
  /**
   * The real path behind a path: links followed, its own too, even one that leads to a file yet to be made. ENOENT where
   * the folder is missing.
   */
  resolve(path: string): Promise<string>;
  /** Undefined: there is none. Fails for what isn't a regular file (`EISDIR`), and past MAX_FILE_BYTES (`EFBIG`). */
  read(path: string): Promise<FileNow | undefined>;
  /** A new file that has its mode and owner before its first byte. EEXIST where the name is taken. What fails leaves no file. */
  create(path: string, attributes: Attributes, content: Buffer): Promise<void>;
  /** Writes through into an existing file: for a bind mount, which can't be replaced. Not atomic. */
  overwrite(path: string, attributes: Attributes, content: Buffer): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
  /** One that is missing is fine. */
  remove(path: string): Promise<void>;
  /** Names in a folder; none where it is missing. */
  list(folder: string): Promise<readonly string[]>;
  /** Another text whenever the file may be another one; 'missing' where there is none. */
  version(path: string): Promise<string>;
  /** Makes a folder and its missing parents, durably; one that exists is fine. */
  makeFolder(folder: string, mode: number): Promise<void>;
  /** The number of this process, from 1 to 2 ** 32 - 1: what it stages bears it. */
  readonly process: number;
  /** Whether there is such a process on this host: what it has staged is still wanted. */
  isRunning(process: number): boolean;
}

/** No configuration file is larger. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;
