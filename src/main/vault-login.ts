import { ConfetdError } from '../base/errors.js';
import type { VaultLogin } from '../source/remote.js';
import type { DaemonFlags } from './flags.js';

/** Where Kubernetes puts a pod's own token. */
const JWT_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** How vault is logged in to, by the flags. Fails with `usage` where one is missing. */
export function vaultLogin(
  flags: DaemonFlags,
  env: Readonly<Record<string, string | undefined>>,
): VaultLogin {
  const token = flags['auth-token'] || (env.VAULT_TOKEN ?? '');
  const need = (flag: 'role-id' | 'secret-id' | 'app-id' | 'user-id' | 'username' | 'password'): string => {
    if (flags[flag] !== '') return flags[flag];
    throw new ConfetdError('usage', `the vault backend with --auth-type ${type} needs --${flag}`);
  };
  const needToken = (): string => {
    if (token !== '') return token;
    throw new ConfetdError('usage', `the vault backend with --auth-type ${type} needs --auth-token`);
  };
  // A token says by itself what it is.
  const type = flags['auth-type'] || (token === '' ? '' : 'token');
  const path = flags.path || (type === 'app-role' ? 'approle' : type);
  switch (type) {
    case 'token':
      return { type, token: needToken() };
    case 'app-role':
      return { type, path, roleId: need('role-id'), secretId: need('secret-id') };
    case 'app-id':
      return { type, path, appId: need('app-id'), userId: need('user-id') };
    case 'github':
      return { type, path, token: needToken() };
    case 'userpass':
      return { type, path, username: need('username'), password: need('password') };
    case 'kubernetes':
      return { type, path, role: need('role-id'), jwtFile: JWT_FILE };
    case 'cert':
      if (flags['client-cert'] !== '') return { type, path };
      throw new ConfetdError('usage', 'the vault backend with --auth-type cert needs --client-cert');
    default:
      throw new ConfetdError(
        'usage',
        'the vault backend needs --auth-type: token, app-role, app-id, github, userpass, kubernetes or cert',
      );
  }
}
