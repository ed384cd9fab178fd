import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfetdError, messageOf, systemCode } from '../base/errors.js';
import type { Clock } from '../io/clock.js';
import type { Log } from '../io/log.js';

/** What the flags say of TLS; empty strings stand for nothing. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile?: string;
  /** Whoever connects must show a certificate that the trusted CA vouches for. */
  readonly clientCertAuth?: boolean;
}

/** The contents of those files, checked: for a listener, and for what this member dials itself. */
export interface ListenerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly clientCertAuth: boolean;
}

/**
 * Reads the files of `--cert-file` and its companions, or with `prefix` 'peer-' of `--peer-cert-file` and its own.
 * Undefined: none was given. Errors: `usage`, naming file and flag. A certificate that isn't valid today is warned of.
 */
export async function loadTls(
  files: TlsFiles,
  prefix: '' | 'peer-',
  { clock, log }: { clock: Clock; log: Log },
): Promise<ListenerTls | undefined> {
  const { certFile, keyFile, trustedCaFile = '', clientCertAuth = false } = files;
  const [certFlag, keyFlag] = [`--${prefix}cert-file`, `--${prefix}key-file`];
  const [caFlag, authFlag] = [`--${prefix}trusted-ca-file`, `--${prefix}client-cert-auth`];
  if (clientCertAuth && trustedCaFile === '') {
    throw new ConfetdError(
      'usage',
      `${authFlag} needs ${caFlag}: the certificates that vouch for those who connect`,
    );
  }
  if (certFile === '' && keyFile === '') {
    if (trustedCaFile === '') return undefined;
    throw new ConfetdError(
      'usage',
      `${caFlag} needs ${certFlag} and ${keyFlag}: the member's own certificate`,
    );
  }
  if (certFile === '' || keyFile === '') {
    const [given, missing] = certFile === '' ? [keyFlag, certFlag] : [certFlag, keyFlag];
    throw new ConfetdError('usage', `${given} needs ${missing}: certificate and key belong together`);
  }
  const cert = await read(certFile, certFlag);
  const key = await read(keyFile, keyFlag);
  const certificate = parseCertificate(cert, certFile, certFlag);
  if (!certificate.checkPrivateKey(parseKey(key, keyFile, keyFlag))) {
    throw new ConfetdError('usage', `${keyFlag} ${keyFile} is not the key of ${certFlag} ${certFile}`);
  }
  warnOfDates(certificate, certFile, certFlag, clock, log);
  if (trustedCaFile === '') return { cert, key, clientCertAuth };
  const ca = await read(trustedCaFile, caFlag);
  warnOfDates(parseCertificate(ca, trustedCaFile, caFlag), trustedCaFile, caFlag, clock, log);
  return { cert, key, ca, clientCertAuth };
}

async function read(file: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ConfetdError('usage', `${flag} ${file}: ${why}`, { cause: error });
  }
}

/** The first one of the file. */
function parseCertificate(pem: Buffer, file: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new ConfetdError('usage', `${flag} ${file} holds no certificate in PEM format`, { cause: error });
  }
}

function parseKey(pem: Buffer, file: string, flag: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new ConfetdError(
      'usage',
      `${flag} ${file} holds no private key in PEM format without a passphrase`,
      {
        cause: error,
      },
    );
  }
}

function warnOfDates(
  { validFrom, validTo }: X509Certificate,
  file: string,
  flag: string,
  clock: Clock,
  log: Log,
): void {
  const now = clock.wallMs();
  if (now > Date.parse(validTo)) {
    log.warn({ file, validTo }, `${flag} ${file} has expired: whoever checks it will refuse to connect`);
  } else if (now < Date.parse(validFrom)) {
    log.warn(
      { file, validFrom },
      `${flag} ${file} is not valid yet: whoever checks it will refuse to connect`,
    );
  }
}
