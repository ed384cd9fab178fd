import type { ClientDuplexStream } from '@grpc/grpc-js';
import { ConfetdError } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import {
  type WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
  WatchService,
} from '../proto/generated/etcd_rpc.js';
import type { Connection } from './connection.js';
import { callError } from './errors.js';

export interface WatchStreamOptions<End> {
  readonly request: WatchCreateRequest;
  readonly clock: Clock;
  /** A watch that the server hasn't created by then is given up: something in between may live while the server doesn't. */
  readonly patienceMs: number;
  /** Told each response. A promise: nothing more is read from the server until it has settled. An end: the stream is done. */
  readonly take: (response: WatchResponse) => { readonly end: End } | Promise<void> | undefined;
}

/** One watch on one stream to one endpoint. */
export class WatchStream<End> {
  /** The end that `take` answered; rejects where only the stream ended. */
  readonly ended: Promise<End>;
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #options: WatchStreamOptions<End>;
  #done = false;

  constructor(connection: Connection, options: WatchStreamOptions<End>) {
    this.#options = options;
    const stream = connection.duplex(WatchService.watch);
    this.#stream = stream;
    const endpoint = connection.endpoint.text;
    this.ended = new Promise((resolve, reject) => {
      const fail = (error: ConfetdError): void => {
        patience.cancel();
        this.cancel();
        reject(error);
      };
      const { clock, patienceMs } = options;
      const patience = clock.schedule(patienceMs, () => {
        const within = `within ${patienceMs / 1000}s`;
        fail(new ConfetdError('deadline_exceeded', `${endpoint} did not begin the watch ${within}`));
      });
      stream.on('data', (response: WatchResponse) => {
        if (this.#done) return;
        patience.cancel();
        const end = this.#take(response);
        if (end === undefined) return;
        this.cancel();
        resolve(end.end);
      });
      stream.on('error', (error: Error) => fail(callError(error, endpoint)));
      stream.on('end', () => fail(new ConfetdError('unavailable', `${endpoint} ended the watch`)));
    });
    stream.write({ requestUnion: { $case: 'createRequest', value: options.request } });
  }

  requestProgress(): void {
    if (!this.#done) this.#stream.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }

  /** Takes nothing any more. `ended` may never settle. */
  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream.cancel();
    // What has been read already goes nowhere.
    this.#stream.resume();
  }

  #take(response: WatchResponse): { readonly end: End } | undefined {
    const taken = this.#options.take(response);
    if (!(taken instanceof Promise)) return taken;
    this.#stream.pause();
    const goOn = (): void => {
      if (!this.#done) this.#stream.resume();
    };
    taken.then(goOn, goOn);
    return undefined;
  }
}
