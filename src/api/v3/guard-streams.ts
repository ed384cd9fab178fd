import type { ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { assert } from '../../base/assert.js';
import type { Log } from '../../io/log.js';

type StreamHandler = (interceptors: unknown, stream: ServerHttp2Stream, headers: unknown) => void;

/**
 * Keeps a broken peer from ending the process. grpc-js 1.14 answers a call of an unknown path or content type on the
 * stream even where the peer has reset it in the same packet; that throws inside an event, with nobody to catch it.
 * Its handler of new streams has no public name, so it is replaced by this one, which must happen before the server
 * takes connections; the fuzz test fails where this no longer holds.
 */
export function guardStreams(server: Server, log: Log): void {
  const handler: unknown = Reflect.get(server, '_streamHandler');
  assert(typeof handler === 'function', 'this version of @grpc/grpc-js has no _streamHandler to guard');
  const take = handler.bind(server) as StreamHandler;
  const guarded: StreamHandler = (interceptors, stream, headers) => {
    if (stream.destroyed) {
      stream.on('error', () => {});
      return;
    }
    try {
      take(interceptors, stream, headers);
    } catch (error) {
      log.debug({ err: error }, 'a peer left before its call was taken');
      stream.destroy();
    }
  };
  Reflect.set(server, '_streamHandler', guarded);
}
