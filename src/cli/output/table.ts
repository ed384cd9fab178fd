import {
  HASH_HEAD,
  HEALTH_HEAD,
  hashCells,
  healthCells,
  MEMBER_HEAD,
  memberCells,
  STATUS_HEAD,
  statusCells,
} from './cells.js';
import { type Printer, unsupported } from './format.js';

const no = unsupported('table');

/** Frames for what is a list of like things; anything else has no table. */
export const tablePrinter: Printer = {
  put: no,
  get: no,
  del: no,
  txn: no,
  watch: no,
  compaction: (_response, revision) => `compacted revision ${revision}\n`,
  leaseGrant: no,
  leaseRevoke: no,
  leaseTimeToLive: no,
  leaseKeepAlive: no,
  leases: no,
  memberList: ({ members }) => table(MEMBER_HEAD, members.map(memberCells)),
  memberAdd: no,
  memberRemove: no,
  memberUpdate: no,
  memberPromote: no,
  moveLeader: no,
  alarm: no,
  endpointStatus: (statuses) => table(STATUS_HEAD, statuses.map(statusCells)),
  endpointHashKv: (hashes) => table(HASH_HEAD, hashes.map(hashCells)),
  endpointHealth: (healths) => table(HEALTH_HEAD, healths.map(healthCells)),
};

/** A frame of `+`, `-` and `|`: the head in capitals and centred, cells to the right (or left, where asked). */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: 'left' | 'right' = 'right',
): string {
  const widths = head.map((title, column) =>
    Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))),
  );
  const rule = `+${widths.map((columns) => '-'.repeat(columns + 2)).join('+')}+\n`;
  const line = (cells: readonly string[]): string => `|${cells.map((cell) => ` ${cell} `).join('|')}|\n`;
  const titles = head.map((title, column) => centred(title.toUpperCase(), widths[column] ?? 0));
  const body = rows.map((row) =>
    line(
      widths.map((columns, column) => {
        const cell = row[column] ?? '';
        const gap = ' '.repeat(columns - width(cell));
        return align === 'right' ? gap + cell : cell + gap;
      }),
    ),
  );
  return rule + line(titles) + rule + body.join('') + rule;
}

function centred(text: string, columns: number): string {
  const gap = columns - width(text);
  const left = Math.floor(gap / 2);
  return ' '.repeat(left) + text + ' '.repeat(gap - left);
}

function width(text: string): number {
  // Code points, as etcdctl counts; combining marks and wide characters are rare in names and URLs.
  return Array.from(text).length;
}
