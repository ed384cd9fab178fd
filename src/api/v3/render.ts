import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { ConfetdError } from '../../base/errors.js';
import type {
  RenderAcceptRequest,
  RenderPauseRequest,
  RenderResumeRequest,
  RenderWaitRequest,
  RenderWhyRequest,
} from '../../proto/generated/render.js';
import type { ServiceContext } from './context.js';
import type { RenderControl } from './render-control.js';
import { plainUnary } from './unary.js';

/** The longest wait one call may ask for, and what a call gets that names none; milliseconds. */
export const MAX_RENDER_WAIT_MS = 10 * 60 * 1000;
export const DEFAULT_RENDER_WAIT_MS = 60 * 1000;

/** confetdpb.Render. */
export function renderService(
  context: Pick<ServiceContext, 'log'>,
  control: RenderControl,
): UntypedServiceImplementation {
  const wait = (request: RenderWaitRequest) => {
    if (request.revision < 0 || request.timeoutMs < 0) {
      throw new ConfetdError('invalid_argument', 'confetd: revision and timeout_ms must not be negative');
    }
    const asked = request.timeoutMs === 0 ? DEFAULT_RENDER_WAIT_MS : request.timeoutMs;
    return control.wait(request.revision, Math.min(asked, MAX_RENDER_WAIT_MS));
  };
  const pause = async ({ dest, forMs }: RenderPauseRequest) => {
    if (forMs < 0) throw new ConfetdError('invalid_argument', 'confetd: for_ms must not be negative');
    await control.pause(dest, forMs);
    return {};
  };
  const resume = async ({ dest }: RenderResumeRequest) => {
    await control.resume(dest);
    return {};
  };
  const accept = async ({ dest }: RenderAcceptRequest) => {
    await control.accept(dest);
    return {};
  };
  const why = ({ dest, resource, limit }: RenderWhyRequest) => {
    if (limit < 0) throw new ConfetdError('invalid_argument', 'confetd: limit must not be negative');
    return control.why(dest, resource, limit);
  };
  return {
    status: plainUnary(context, () => control.status()),
    wait: plainUnary(context, wait),
    why: plainUnary(context, why),
    pause: plainUnary(context, pause),
    resume: plainUnary(context, resume),
    accept: plainUnary(context, accept),
  };
}
