import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Certificates in a folder of their own, made by openssl. */
export class Certificates {
  readonly #folder: string;
  #serial = 1;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Certificates> {
    return new Certificates(await mkdtemp(join(tmpdir(), 'confetd-tls-')));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  async authority(name: string): Promise<Pair> {
    const pair = await this.#key(name);
    await run('openssl', [
      ...['req', '-x509', '-new', '-key', pair.keyFile, '-out', pair.certFile],
      ...['-days', '2', '-subj', `/CN=${name}`],
    ]);
    return pair;
  }

  /** One that `authority` vouches for; `names` as openssl has subjectAltName. */
  async issue(name: string, authority: Pair, names: string, expired = false): Promise<Pair> {
    const pair = await this.#key(name);
    const request = this.path(`${name}.csr`);
    const extensions = this.path(`${name}.ext`);
    await writeFile(extensions, `subjectAltName=${names}\n`);
    await run('openssl', ['req', '-new', '-key', pair.keyFile, '-out', request, '-subj', `/CN=${name}`]);
    if (expired) {
      await this.#issueExpired(request, authority, extensions, pair);
      return pair;
    }
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-CA', authority.certFile, '-CAkey', authority.keyFile],
      ...['-set_serial', String(this.#serial++), '-days', '2', '-out', pair.certFile, '-extfile', extensions],
    ]);
    return pair;
  }

  /** Only `openssl ca` takes dates in the past. */
  async #issueExpired(request: string, authority: Pair, extensions: string, pair: Pair): Promise<void> {
    const config = this.path('ca.conf');
    await writeFile(this.path('index'), '');
    await writeFile(
      config,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${this.path('index')}\nnew_certs_dir=${this.#folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`,
    );
    await run('openssl', [
      ...['ca', '-batch', '-config', config, '-in', request, '-out', pair.certFile, '-notext'],
      ...['-cert', authority.certFile, '-keyfile', authority.keyFile, '-extfile', extensions],
      ...['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'],
    ]);
  }

  async #key(name: string): Promise<Pair> {
    const keyFile = this.path(`${name}.key`);
    await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', keyFile]);
    return { keyFile, certFile: this.path(`${name}.crt`) };
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
