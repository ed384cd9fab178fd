import type { HttpHandler } from './router.js';
import { sendJson } from './send.js';

/** The versions of etcd's API that clients may count on, such as 3.4.23 and 3.4.0. */
export interface ApiVersions {
  readonly server: string;
  readonly cluster: string;
}

/** `/version`. */
export function version({ server, cluster }: ApiVersions): HttpHandler {
  return (_request, response) => sendJson(response, 200, { etcdserver: server, etcdcluster: cluster });
}
