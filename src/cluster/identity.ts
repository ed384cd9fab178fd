import { createHash } from 'node:crypto';

/** First 8 bytes, big-endian, of a SHA-1: how etcd makes both kinds of ID. */
function id(parts: readonly (string | Buffer)[]): bigint {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest().readBigUInt64BE(0);
}

/**
 * etcd's member ID: the sorted peer URLs, the cluster token and, for a member added to a running cluster, the Unix
 * time of that in seconds (so that a member removed and added again is another one).
 */
export function memberId(peerUrls: readonly string[], token: string, addedAtSeconds?: number): bigint {
  const parts = [...peerUrls].sort();
  parts.push(token);
  if (addedAtSeconds !== undefined) parts.push(String(addedAtSeconds));
  return id(parts);
}

/** etcd's cluster ID: the sorted IDs of the members it was bootstrapped with. */
export function clusterId(memberIds: readonly bigint[]): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return id(
    sorted.map((member) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(member);
      return bytes;
    }),
  );
}

/** As etcd prints IDs: lower-case hex without leading zeros. */
export function formatId(value: bigint): string {
  return value.toString(16);
}

/** What members show each other of the cluster token: its SHA-256. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
