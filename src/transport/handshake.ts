import { ConfetdError } from '../base/errors.js';
import { formatId } from '../cluster/identity.js';
import { type Hello, MessageBatch, Refusal, Welcome } from '../proto/generated/peer.js';
import { frameOf } from './frames.js';
import type { OutgoingCall } from './outgoing-call.js';
import type { PeerHost } from './types.js';

/** The other side won't have us, or we won't have it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

/**
 * Begins a stream of messages to member `to`: each side looks at the other's hello before anything else is said.
 * Rejects with {@link RefusedError} where the peer refuses us, `unavailable` for everything else.
 */
export async function greet(call: OutgoingCall, to: bigint, host: PeerHost): Promise<Hello> {
  call.write(frameOf(MessageBatch.encode({ hello: host.hello, to, messages: [] }).finish()));
  const { refusal, hello } = decodeWelcome(await call.next());
  if (refusal !== Refusal.ADMITTED) throw new RefusedError(refusal, `it refuses us: ${nameOf(refusal)}`);
  if (hello?.memberId !== to) throw new RefusedError(Refusal.OTHER_MEMBER, 'another member listens there');
  const ours = await host.admit(hello);
  if (ours !== Refusal.ADMITTED) {
    throw new ConfetdError('unavailable', `we refuse member ${formatId(to)}: ${nameOf(ours)}`);
  }
  return hello;
}

/** A refusal as it is logged. */
export function nameOf(refusal: Refusal): string {
  return Refusal[refusal] ?? `reason ${refusal}, which is not known here`;
}

function decodeWelcome(bytes: Buffer): Welcome {
  try {
    return Welcome.decode(bytes);
  } catch (error) {
    throw new ConfetdError('unavailable', 'its welcome is garbage', { cause: error });
  }
}
