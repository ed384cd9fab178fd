import { readFile } from 'node:fs/promises';

/** Names of users and groups to their numbers; undefined: nobody has that name. */
export interface Accounts {
  user(name: string): Promise<number | undefined>;
  group(name: string): Promise<number | undefined>;
}

/** The accounts of this host's files; a name server's accounts have to be given by number. */
export class FileAccounts implements Accounts {
  user(name: string): Promise<number | undefined> {
    return lookUp('/etc/passwd', name);
  }

  group(name: string): Promise<number | undefined> {
    return lookUp('/etc/group', name);
  }
}

/** Both files are `name:password:number:…` lines (passwd(5), group(5)). */
async function lookUp(path: string, name: string): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const [entry, , number] = line.split(':');
    if (entry === name && number !== undefined && /^\d+$/.test(number)) return Number(number);
  }
  return undefined;
}
