import {
  ClusterService,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from '../../proto/generated/etcd_rpc.js';
import { EXIT, ExitError } from '../exit-error.js';
import { badArguments, command, type Invocation } from './command.js';
import { memberIdOf } from './member-id.js';

const PEER_URLS = {
  'peer-urls': { kind: 'string', default: '', usage: 'where the other members reach it, comma-separated' },
} as const;

export const memberList = command({
  name: 'member list',
  synopsis: '',
  description: 'In the simple format: ID, status, name, peer URLs, client URLs, is learner.',
  flags: {},
  async run(invocation) {
    const client = await invocation.client();
    const response = await client.memberList();
    await invocation.print((await invocation.printer()).memberList(response));
  },
});

export const memberAdd = command({
  name: 'member add',
  synopsis: 'NAME --peer-urls=URL[,URL] [--learner]',
  description:
    'Prints, in the simple format, the variables that the new member is to be started with, in an empty data folder.',
  flags: {
    ...PEER_URLS,
    learner: {
      kind: 'boolean',
      default: false,
      usage: 'without a vote, until `member promote`: it can’t cost the quorum while it catches up',
    },
  },
  async run(invocation, flags) {
    const [name, ...more] = invocation.args;
    if (name === undefined) throw badArguments('member name not provided');
    if (more.length > 0) throw badArguments('too many arguments');
    const peerURLs = peerUrlsOf(flags['peer-urls']);
    const client = await invocation.client();
    const request = MemberAddRequest.fromPartial({ peerURLs, isLearner: flags.learner });
    const response = await client.call(ClusterService.memberAdd, request, 'write');
    await invocation.print((await invocation.printer()).memberAdd(response, name));
  },
});

export const memberRemove = command({
  name: 'member remove',
  synopsis: 'ID',
  description: 'The member stops, and its data can’t join again.',
  flags: {},
  async run(invocation) {
    const ID = onlyId(invocation);
    const client = await invocation.client();
    const response = await client.call(
      ClusterService.memberRemove,
      MemberRemoveRequest.create({ ID }),
      'write',
    );
    await invocation.print((await invocation.printer()).memberRemove(response, ID));
  },
});

export const memberUpdate = command({
  name: 'member update',
  synopsis: 'ID --peer-urls=URL[,URL]',
  flags: PEER_URLS,
  async run(invocation, flags) {
    const ID = onlyId(invocation);
    const peerURLs = peerUrlsOf(flags['peer-urls']);
    const client = await invocation.client();
    const response = await client.call(
      ClusterService.memberUpdate,
      MemberUpdateRequest.create({ ID, peerURLs }),
      'write',
    );
    await invocation.print((await invocation.printer()).memberUpdate(response, ID));
  },
});

export const memberPromote = command({
  name: 'member promote',
  synopsis: 'ID',
  flags: {},
  async run(invocation) {
    const ID = onlyId(invocation);
    const client = await invocation.client();
    const response = await client.call(
      ClusterService.memberPromote,
      MemberPromoteRequest.create({ ID }),
      'write',
    );
    await invocation.print((await invocation.printer()).memberPromote(response, ID));
  },
});

function onlyId({ args: [text, ...more] }: Invocation): bigint {
  if (text === undefined || more.length > 0) throw badArguments('member ID is not provided');
  return memberIdOf(text, (why) => badArguments(`bad member ID arg (${why}), expecting ID in Hex`));
}

/** As etcdctl checks them, before anything is sent. */
function peerUrlsOf(text: string): string[] {
  if (text === '') throw badArguments('member peer urls not provided');
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) {
    const fault = faultOf(url);
    if (fault !== undefined) throw new ExitError(EXIT.error, `${fault}: ${url}`);
  }
  return urls;
}

function faultOf(url: string): string | undefined {
  const [, scheme, rest = ''] = /^(\w+):\/\/(.*)$/.exec(url) ?? [];
  if (scheme === 'unix' || scheme === 'unixs') return undefined;
  if (scheme !== 'http' && scheme !== 'https') return 'URL scheme must be http, https, unix, or unixs';
  const [host = '', ...path] = rest.split(/(?=\/)/);
  if (!/:\d*$/.test(host)) return 'URL address does not have the form "host:port"';
  return path.length > 0 ? 'URL must not contain a path' : undefined;
}
