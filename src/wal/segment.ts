/** Segments of a log, in order, hold its records; a name tells the place in the chain and where the entries begin. */
export interface Segment {
  readonly name: string;
  /** Counts up by one from segment to segment. */
  readonly sequence: number;
  /** Index of the first entry written into it, or to be written. */
  readonly firstIndex: number;
  /** Highest entry index in it, overwritten ones included; firstIndex - 1 when it has none. */
  maxIndex: number;
}

/** etcd's segment size, bytes. */
export const SEGMENT_BYTES = 64_000_000;

const STAGE = /^[0-9a-f]{16}\.tmp$/;
const NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

/** `%016x-%016x.wal`, as etcd names its segments. */
export function segmentName(sequence: number, firstIndex: number): string {
  return `${hex16(sequence)}-${hex16(firstIndex)}.wal`;
}

/** Under this name a segment is made ready; nothing in such a file counts yet, whatever it holds. */
export function stageName(sequence: number): string {
  return `${hex16(sequence)}.tmp`;
}

/** Whether a file of this name is a stage. */
export function isStageName(name: string): boolean {
  return STAGE.test(name);
}

export function newSegment(sequence: number, firstIndex: number): Segment {
  return {
    name: segmentName(sequence, firstIndex),
    sequence,
    firstIndex,
    maxIndex: Math.max(firstIndex - 1, 0),
  };
}

/** The segment that a file of this name is; undefined for any other file. */
export function parseSegmentName(name: string): Segment | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  return newSegment(Number.parseInt(match[1] as string, 16), Number.parseInt(match[2] as string, 16));
}

/** The folder that holds a folder's name. */
export function parentFolder(folder: string): string {
  const at = folder.replace(/\/+$/, '').lastIndexOf('/');
  return at < 0 ? '.' : folder.slice(0, Math.max(at, 1));
}

function hex16(value: number): string {
  return value.toString(16).padStart(16, '0');
}
