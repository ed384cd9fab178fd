import type { SourceTiming } from './timing.js';
import type { TlsFiles } from './tls.js';

/** How vault is logged in to (developer.hashicorp.com/vault/docs/auth). */
export type VaultLogin =
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'app-role'; readonly path: string; readonly roleId: string; readonly secretId: string }
  | { readonly type: 'app-id'; readonly path: string; readonly appId: string; readonly userId: string }
  | { readonly type: 'github'; readonly path: string; readonly token: string }
  | { readonly type: 'userpass'; readonly path: string; readonly username: string; readonly password: string }
  | { readonly type: 'kubernetes'; readonly path: string; readonly role: string; readonly jwtFile: string }
  | { readonly type: 'cert'; readonly path: string };

export interface BasicAuth {
  readonly username: string;
  readonly password: string;
}

/** How a store without revisions is followed. */
export interface Rereading {
  /** Read anew so often, whatever is told. */
  readonly intervalMs: number;
  /** Read anew whenever the store tells of a change, too. */
  readonly watch: boolean;
}

interface Timed {
  readonly timing?: SourceTiming;
}

/** Stores other than etcd and files. Nodes are tried in order. Only data: it goes to a worker. */
export type RemoteSpec = Rereading & RemoteStore;

export type RemoteStore = Timed &
  (
    | {
        readonly type: 'consul';
        /** `host:port` or a URL. */
        readonly nodes: readonly string[];
        readonly scheme: string;
        readonly token: string;
        readonly basicAuth?: BasicAuth;
        readonly tls?: TlsFiles;
      }
    | {
        readonly type: 'redis';
        /** `host:port`, `host:port/DB`, the path of a socket, or a URL. */
        readonly nodes: readonly string[];
        readonly username: string;
        readonly password: string;
        readonly separator: string;
        readonly tls?: TlsFiles;
      }
    | { readonly type: 'zookeeper'; readonly nodes: readonly string[] }
    | {
        readonly type: 'vault';
        /** URLs. */
        readonly nodes: readonly string[];
        readonly login: VaultLogin;
        readonly tls?: TlsFiles;
      }
  );
