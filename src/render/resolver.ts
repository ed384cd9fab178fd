import { lookup, resolveSrv } from 'node:dns/promises';
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { byteText } from '../base/byte-text.js';
import { systemCode } from '../base/errors.js';
import type { AnswerOf, Need, Resolver } from './functions/needs.js';

/** Bytes of a file that a template reads. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** The network and the disk of this host. */
export class NodeResolver implements Resolver {
  async resolve<T extends Need['type']>(need: Need & { type: T }, signal: AbortSignal): Promise<AnswerOf[T]> {
    // One answer a type, as AnswerOf says; the compiler can't follow a switch on a type parameter.
    return (await answer(need, signal)) as AnswerOf[T];
  }
}

async function answer(need: Need, signal: AbortSignal): Promise<AnswerOf[Need['type']]> {
  switch (need.type) {
    case 'address':
      return orNone(async () => (await lookup(need.host, { all: true })).map(({ address }) => address));
    case 'service':
      return orNone(async () =>
        (await resolveSrv(`_${need.service}._${need.proto}.${need.domain}`)).map(
          ({ name, port, priority, weight }) => ({ target: name, port, priority, weight }),
        ),
      );
    case 'interface':
      return (networkInterfaces()[need.name] ?? []).map(({ address }) => address);
    case 'hostname':
      return hostname();
    case 'file-exists':
      return access(need.path).then(
        () => true,
        () => false,
      );
    case 'file':
      return contents(need.path, signal);
  }
}

/** A name that doesn't exist has no addresses. */
async function orNone<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await ask();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

async function contents(path: string, signal: AbortSignal): Promise<string> {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('not a regular file');
    if (stats.size > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES} bytes`);
    return byteText(await file.readFile({ signal }));
  } finally {
    await file.close();
  }
}
