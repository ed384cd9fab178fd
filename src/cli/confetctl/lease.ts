import { messageOf } from '../../base/errors.js';
import { etcdMessage } from '../../base/etcd-errors.js';
import { EXIT, ExitError } from '../exit-error.js';
import { hexLease } from '../output/cells.js';
import { leaseId, wholeNumber } from './arguments.js';
import { badArguments, command } from './command.js';

export const leaseGrant = command({
  name: 'lease grant',
  synopsis: '<ttl>   (seconds)',
  flags: {},
  async run(invocation) {
    const [text, ...others] = invocation.args;
    if (text === undefined || others.length > 0) throw badArguments('lease grant command needs TTL argument');
    const ttl = wholeNumber(text);
    if (ttl === undefined) {
      throw badArguments(`bad TTL (strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax)`);
    }
    const client = await invocation.client();
    const response = await client.leaseGrant({ TTL: ttl }).catch((error: unknown) => {
      throw new ExitError(EXIT.error, `failed to grant lease (${messageOf(error)})`);
    });
    await invocation.print((await invocation.printer()).leaseGrant(response));
  },
});

export const leaseRevoke = command({
  name: 'lease revoke',
  synopsis: '<leaseID>',
  flags: {},
  async run(invocation) {
    const [text, ...others] = invocation.args;
    if (text === undefined || others.length > 0) throw badArguments('lease revoke command needs 1 argument');
    const id = leaseId(text);
    const client = await invocation.client();
    const response = await client.leaseRevoke(id).catch((error: unknown) => {
      throw new ExitError(EXIT.error, `failed to revoke lease (${messageOf(error)})`);
    });
    await invocation.print((await invocation.printer()).leaseRevoke(response, id));
  },
});

export const leaseTimeToLive = command({
  name: 'lease timetolive',
  synopsis: '[--keys] <leaseID>',
  flags: { keys: { kind: 'boolean', default: false, usage: 'its keys, too' } },
  async run(invocation, flags) {
    const [text, ...others] = invocation.args;
    if (text === undefined || others.length > 0) {
      throw badArguments('lease timetolive command needs lease ID as argument');
    }
    const id = leaseId(text);
    const client = await invocation.client();
    const response = await client.leaseTimeToLive(id, flags.keys);
    await invocation.print((await invocation.printer()).leaseTimeToLive(response, flags.keys));
  },
});

export const leaseList = command({
  name: 'lease list',
  synopsis: '',
  flags: {},
  async run(invocation) {
    const client = await invocation.client();
    const response = await client.leases();
    await invocation.print((await invocation.printer()).leases(response));
  },
});

export const leaseKeepAlive = command({
  name: 'lease keep-alive',
  synopsis: '[--once] <leaseID>',
  flags: { once: { kind: 'boolean', default: false, usage: 'renew it once' } },
  async run(invocation, flags) {
    const [text, ...others] = invocation.args;
    if (text === undefined || others.length > 0) {
      throw badArguments('lease keep-alive command needs lease ID as argument');
    }
    const id = leaseId(text);
    const { ports } = invocation;
    const client = await invocation.client();
    const printer = await invocation.printer();
    const stop = new AbortController();
    let printed: Promise<void> = Promise.resolve();
    const end = await client.keepAlive({
      id,
      once: flags.once,
      signal: stop.signal,
      renewed: (response) => {
        printed = printed.then(() => invocation.print(printer.leaseKeepAlive(response)));
        printed.catch(() => stop.abort());
      },
      lost: (reason) => void ports.stderr(`keep-alive interrupted, trying again: ${reason}\n`),
    });
    await printed;
    if (end !== 'expired') return;
    if (flags.once) throw new ExitError(EXIT.badConnection, etcdMessage('leaseNotFound'));
    await invocation.print(`lease ${hexLease(id)} expired or revoked.\n`);
  },
});
