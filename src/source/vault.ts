import { readFile } from 'node:fs/promises';
import { flatten } from './flatten.js';
import { type HttpAnswer, HttpNodes, type HttpRequest } from './http.js';
import type { RemoteStore, VaultLogin } from './remote.js';
import type { KeyStore, Reading } from './reread.js';
import { inSubtree } from './subtree.js';
import type { Subtree } from './types.js';

type VaultSpec = Extract<RemoteStore, { readonly type: 'vault' }>;

/** Folders inside folders, and secrets in all. */
const MAX_DEPTH = 64;
const MAX_SECRETS = 100_000;

interface Mount {
  /** With a slash at its end, without one in front: `secret/`. */
  readonly path: string;
  readonly version: 1 | 2;
}

/**
 * Secrets of vault's KV engines, versions 1 and 2, over its HTTP API. A secret `/secret/app` is a key with its JSON (or
 * its text, where it has one field `value`), and each field is a key below it. Vault tells nobody of changes.
 */
export class VaultStore implements KeyStore {
  readonly name = 'vault';
  readonly nodes: string;
  readonly #http: HttpNodes;
  readonly #login: VaultLogin;
  #token: string | undefined;

  constructor({ nodes, login, tls, timing }: VaultSpec) {
    this.nodes = nodes.join(', ');
    this.#http = new HttpNodes(nodes, 'https', tls, timing?.dialTimeoutMs);
    this.#login = login;
  }

  async read(subtrees: readonly Subtree[], _watch: boolean, signal: AbortSignal): Promise<Reading> {
    const keys = new Map<string, string>();
    for (const subtree of subtrees) {
      if (subtree === '') {
        throw new Error('vault lists no mounts: write keys, or a prefix, that begin with one (/secret/app)');
      }
      const mount = await this.#mountOf(subtree, signal);
      const inside = subtree.slice(1 + mount.path.length);
      const found = new Map<string, string>();
      if (inside !== '') await this.#readSecret(mount, inside, found, signal);
      await this.#readFolder(mount, inside === '' ? '' : `${inside}/`, found, 0, signal);
      // It may name one field of a secret.
      const above = inside.slice(0, Math.max(0, inside.lastIndexOf('/')));
      if (found.size === 0 && above !== '') await this.#readSecret(mount, above, found, signal);
      for (const [key, value] of found) if (inSubtree(subtree, key)) keys.set(key, value);
    }
    return { keys, where: this.nodes, changed: undefined };
  }

  close(): Promise<void> {
    this.#http.close();
    return Promise.resolve();
  }

  async #mountOf(subtree: Subtree, signal: AbortSignal): Promise<Mount> {
    const answer = await this.#ask({ path: `/v1/sys/internal/ui/mounts${encoded(subtree)}` }, signal);
    if (answer.status !== 200) {
      throw new Error(
        `no secrets engine is mounted at ${subtree}, or this login may not see it (${said(answer)})`,
      );
    }
    const data = field(parsed(answer), 'data');
    const [type, path] = [field(data, 'type'), field(data, 'path')];
    if (type !== 'kv' && type !== 'generic') {
      throw new Error(`the secrets engine at ${subtree} is ${String(type)}: only kv is read`);
    }
    const mounted = typeof path === 'string' ? path : `${subtree.split('/')[1]}/`;
    return { path: mounted, version: field(field(data, 'options'), 'version') === '2' ? 2 : 1 };
  }

  async #readFolder(
    mount: Mount,
    folder: string,
    keys: Map<string, string>,
    depth: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (depth > MAX_DEPTH) throw new Error(`${mount.path}${folder}: nested deeper than ${MAX_DEPTH} folders`);
    const below = mount.version === 2 ? `${mount.path}metadata/` : mount.path;
    const answer = await this.#ask({ path: `/v1/${encoded(below + folder)}?list=true` }, signal);
    if (answer.status === 404) return;
    if (answer.status !== 200) throw new Error(`can't list ${mount.path}${folder}: ${said(answer)}`);
    const names = field(field(parsed(answer), 'data'), 'keys');
    for (const name of Array.isArray(names) ? (names as readonly unknown[]) : []) {
      if (typeof name !== 'string') continue;
      if (name.endsWith('/')) await this.#readFolder(mount, folder + name, keys, depth + 1, signal);
      else await this.#readSecret(mount, folder + name, keys, signal);
    }
  }

  /** Nothing, where there is no such secret. */
  async #readSecret(
    mount: Mount,
    name: string,
    keys: Map<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const below = mount.version === 2 ? `${mount.path}data/` : mount.path;
    const answer = await this.#ask({ path: `/v1/${encoded(below + name)}` }, signal);
    if (answer.status === 404) return;
    if (answer.status !== 200) throw new Error(`can't read ${mount.path}${name}: ${said(answer)}`);
    const data = field(parsed(answer), 'data');
    const secret = mount.version === 2 ? field(data, 'data') : data;
    // A deleted version has none.
    if (typeof secret !== 'object' || secret === null) return;
    const key = `/${mount.path}${name}`;
    const fields = new Map<string, string>();
    flatten(secret, fields);
    const only = Object.keys(secret).length === 1 ? field(secret, 'value') : undefined;
    keys.set(key, typeof only === 'string' ? only : JSON.stringify(secret));
    for (const [path, value] of fields) keys.set(key + path, value);
    if (keys.size > MAX_SECRETS) throw new Error(`more than ${MAX_SECRETS} keys: write narrower ones`);
  }

  /** With a token; where it is refused, with a new one. */
  async #ask(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const fresh = this.#token === undefined;
    this.#token ??= await this.#logIn(signal);
    const answer = await this.#send(request, this.#token, signal);
    if (answer.status !== 403 || fresh || this.#login.type === 'token') return answer;
    this.#token = await this.#logIn(signal);
    return this.#send(request, this.#token, signal);
  }

  #send(request: HttpRequest, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'x-vault-request': 'true', ...(token === '' ? {} : { 'x-vault-token': token }) };
    return this.#http.send({ ...request, headers }, signal);
  }

  async #logIn(signal: AbortSignal): Promise<string> {
    const login = this.#login;
    if (login.type === 'token') return login.token;
    const name = login.type === 'userpass' ? `/${encodeURIComponent(login.username)}` : '';
    const path = `/v1/auth/${encoded(login.path)}/login${name}`;
    const answer = await this.#send({ method: 'POST', path, body: await credentials(login) }, '', signal);
    const token = field(field(parsed(answer), 'auth'), 'client_token');
    if (answer.status !== 200 || typeof token !== 'string') {
      throw new Error(`the login with --auth-type ${login.type} is refused: ${said(answer)}`);
    }
    return token;
  }
}

async function credentials(login: Exclude<VaultLogin, { readonly type: 'token' }>): Promise<object> {
  switch (login.type) {
    case 'app-role':
      return { role_id: login.roleId, secret_id: login.secretId };
    case 'app-id':
      return { app_id: login.appId, user_id: login.userId };
    case 'github':
      return { token: login.token };
    case 'userpass':
      return { password: login.password };
    case 'kubernetes':
      // Read each time: Kubernetes renews it.
      return { role: login.role, jwt: (await readFile(login.jwtFile, 'utf8')).trim() };
    case 'cert':
      return {};
  }
}

/** Each segment, the slashes kept. */
function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function parsed({ text }: HttpAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Vault's own errors, never a secret. */
function said(answer: HttpAnswer): string {
  const errors = field(parsed(answer), 'errors');
  const list = Array.isArray(errors) ? errors.filter((error) => typeof error === 'string') : [];
  return list.length > 0 ? `${answer.status}: ${list.join(', ').trim()}` : String(answer.status);
}
