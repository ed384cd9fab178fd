import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { ConfetdError } from '../../base/errors.js';
import type { RenderWaitRequest } from '../../proto/generated/render.js';
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
  return { status: plainUnary(context, () => control.status()), wait: plainUnary(context, wait) };
}
