import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach } from 'vitest';

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  /** `GET /v1/kv/app?recurse=true` */
  readonly request: string;
  /** Headers that the request must have. */
  readonly needs?: Readonly<Record<string, string>>;
  /** The JSON that the request must carry. */
  readonly carries?: unknown;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Answered only once this has resolved: a query that waits. */
  readonly after?: Promise<void>;
}

export interface Recorded {
  /** `127.0.0.1:PORT` */
  readonly node: string;
  /** Requests so far, as `METHOD /path`. */
  readonly asked: readonly string[];
  /** What is answered from now on, each of them any number of times. */
  play(exchanges: readonly Exchange[]): void;
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that answers as another one was recorded to; what wasn't recorded is a 501 that fails the test's sentence. */
export async function recorded(exchanges: readonly Exchange[]): Promise<Recorded> {
  let playing = exchanges;
  const asked: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const line = `${request.method} ${request.url}`;
    asked.push(line);
    const text = (await request.toArray()).map(String).join('');
    const fits = (one: Exchange): boolean =>
      one.request === line &&
      Object.entries(one.needs ?? {}).every(([name, value]) => request.headers[name] === value) &&
      (one.carries === undefined || text === JSON.stringify(one.carries));
    const found = playing.find(fits);
    if (found === undefined) {
      response.writeHead(501).end(`not recorded: ${line} ${text}`);
      return;
    }
    await found.after;
    response.writeHead(found.status ?? 200, { ...found.headers });
    response.end(found.body === undefined ? '' : JSON.stringify(found.body));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    node: `127.0.0.1:${address.port}`,
    asked,
    play: (next) => {
      playing = next;
    },
  };
}
