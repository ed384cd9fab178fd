import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf, systemCode } from '../base/errors.js';
import { type TlsFiles, tlsOptions } from './tls.js';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'LIST';
  /** From the node's root: `/v1/kv/a`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The node that answered. */
  readonly node: string;
}

const MAX_ANSWER_BYTES = 256 << 20;
const DIAL_TIMEOUT_MS = 5_000;

/**
 * Requests to the nodes of one store, over kept connections: to the node that answered last, and to the next where it
 * can't be reached. Not `fetch`: that takes no client certificates.
 */
export class HttpNodes {
  readonly #nodes: readonly URL[];
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  #current = 0;

  /** `host:port` or URLs; `scheme` is of those that name none. `dialTimeoutMs`: for a connection, 5 s unless told. Fails with a TypeError where one is no URL. */
  constructor(
    nodes: readonly string[],
    scheme: string,
    tls: TlsFiles | undefined,
    dialTimeoutMs = DIAL_TIMEOUT_MS,
  ) {
    this.#nodes = nodes.map((node) => new URL(/^[a-z]+:\/\//i.test(node) ? node : `${scheme}://${node}`));
    const kept = { keepAlive: true, timeout: dialTimeoutMs };
    this.#http = new HttpAgent(kept);
    this.#https = new HttpsAgent({ ...kept, ...tlsOptions(tls) });
  }

  /** Rejects with a sentence about each node where none answers, or with the signal's reason. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const failures: string[] = [];
    let last: unknown;
    for (let tried = 0; tried < this.#nodes.length; tried++) {
      const node = this.#nodes[this.#current];
      if (node === undefined) break;
      try {
        return await this.#ask(node, request, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason instanceof Error ? signal.reason : error;
        last = error;
        failures.push(`${node.host}: ${inWords(error)}`);
        this.#current = (this.#current + 1) % this.#nodes.length;
      }
    }
    throw new Error(`${failures.join('; ')}: start it, or name another with --node`, { cause: last });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #ask(node: URL, { method = 'GET', path, headers = {}, body }: HttpRequest, signal: AbortSignal) {
    const secure = node.protocol === 'https:';
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const json = payload === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise<HttpAnswer>((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(
        new URL(`${node.pathname.replace(/\/$/, '')}${path}`, node),
        { method, headers: { ...headers, ...json }, agent: secure ? this.#https : this.#http, signal },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > MAX_ANSWER_BYTES)
              response.destroy(new Error(`an answer of over ${MAX_ANSWER_BYTES} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, node: node.host });
          });
        },
      );
      request.on('error', reject);
      // A connection that is made may be silent for long: consul answers when something has changed.
      request.on('timeout', () => {
        if (request.socket?.connecting === true)
          request.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
      });
      request.end(payload);
    });
  }
}

function inWords(error: unknown): string {
  const code = systemCode(error) ?? '';
  return WORDS[code] ?? (messageOf(error) || code);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no such host',
  ECONNRESET: 'the connection broke',
};
