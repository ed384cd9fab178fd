import { Refusal } from '../../../src/proto/generated/peer.js';
import type { PeerHost } from '../../../src/transport/types.js';
import type { Planted } from './types.js';

/** Nobody remembers with which data folder a member was met: one that lost its disk is let in again. */
export const letWipedMemberVote: Planted = {
  name: 'let a wiped member vote',
  profile: 'membership',
  seeds: 40,
  sabotage: (ports) => ({
    ...ports,
    network: {
      call: (url, request, timeoutMs) => ports.network.call(url, request, timeoutMs),
      connect: (host) => ports.network.connect(forgetful(host)),
    },
  }),
};

function forgetful(host: PeerHost): PeerHost {
  return {
    get hello() {
      return host.hello;
    },
    admit: () => Promise.resolve(Refusal.ADMITTED),
    refused: (by, refusal) => host.refused(by, refusal),
    receive: (messages) => host.receive(messages),
    unreachable: (id) => host.unreachable(id),
    snapshotSent: (to, succeeded) => host.snapshotSent(to, succeeded),
    openSnapshot: () => host.openSnapshot(),
    receiveSnapshot: (message, chunks) => host.receiveSnapshot(message, chunks),
    answer: async (request) => {
      const response = await host.answer(request);
      if (response.kind?.$case !== 'description') return response;
      return { ...response, kind: { ...response.kind, value: { ...response.kind.value, instance: 0n } } };
    },
  };
}
