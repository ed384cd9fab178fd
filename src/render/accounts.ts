import { readFile } from 'node:fs/promises';
import { ConfetdError } from '../base/errors.js';

/** Names of users and groups to their numbers. Fails with a `config` error that names who is missing. */
export interface Accounts {
  user(name: string): Promise<number>;
  group(name: string): Promise<number>;
}

/** The accounts of this host's files; a name server's accounts have to be given by number. */
export class FileAccounts implements Accounts {
  user(name: string): Promise<number> {
    return lookUp('/etc/passwd', name, 'owner', 'uid');
  }

  group(name: string): Promise<number> {
    return lookUp('/etc/group', name, 'group', 'gid');
  }
}

/** Both files are `name:password:number:…` lines (passwd(5), group(5)). */
async function lookUp(path: string, name: string, key: string, byNumber: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const [entry, , number] = line.split(':');
    if (entry === name && number !== undefined && /^\d+$/.test(number)) return Number(number);
  }
  throw new ConfetdError(
    'config',
    `${path} has no ${name}: name another ${key}, or write ${byNumber} = NUMBER`,
  );
}
