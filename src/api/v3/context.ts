import type { Clock } from '../../io/clock.js';
import type { Log } from '../../io/log.js';
import type { MemberService } from '../../member/types.js';
import type { ApiLimits } from '../limits.js';
import type { ResponseHeaders } from './header.js';
import type { OpenStreams } from './open-streams.js';
import type { LeaderRequirement } from './require-leader.js';

/** What every v3 service is built from. */
export interface ServiceContext {
  readonly member: MemberService;
  readonly headers: ResponseHeaders;
  readonly leader: LeaderRequirement;
  readonly streams: OpenStreams;
  readonly limits: ApiLimits;
  readonly clock: Clock;
  readonly log: Log;
}
