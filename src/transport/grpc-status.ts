import type { IncomingHttpHeaders } from 'node:http2';
import { ConfetdError, type ErrorCode } from '../base/errors.js';

/** The statuses of gRPC that members tell each other with (grpc/doc/statuscodes.md). */
export const GrpcStatus = { ok: 0, unknown: 2, invalidArgument: 3, unimplemented: 12, internal: 13 } as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

const CODES: Readonly<Record<string, ErrorCode>> = {
  '3': 'invalid_argument',
  '8': 'resource_exhausted',
  '12': 'unimplemented',
  '13': 'internal',
  '15': 'data_loss',
};

const MAX_MESSAGE_LENGTH = 1_000;

/** As gRPC carries a sentence in a header: percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  return encodeURIComponent(message.slice(0, MAX_MESSAGE_LENGTH).replace(/\p{Surrogate}/gu, '\ufffd'));
}

/**
 * What headers or trailers say of how a call ended: undefined where they don't, null for success.
 * `whom` begins the sentence.
 */
export function statusError(headers: IncomingHttpHeaders, whom: string): ConfetdError | null | undefined {
  const httpStatus = headers[':status'];
  const status = headers['grpc-status'];
  if (status === '0') return null;
  if (typeof status !== 'string') {
    if (httpStatus === undefined || Number(httpStatus) === 200) return undefined;
    return new ConfetdError(
      'unavailable',
      `${whom} answers with HTTP status ${String(httpStatus)}: no member listens there`,
    );
  }
  const text = headers['grpc-message'];
  const message = typeof text === 'string' ? decode(text) : `gRPC status ${status}`;
  return new ConfetdError(CODES[status] ?? 'unavailable', `${whom}: ${message}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
