/** Contents of PEM files, and how strictly a server is looked at. Only data: it goes to a worker. */
export interface TlsFiles {
  readonly ca?: Uint8Array;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** Accepts any certificate. */
  readonly skipVerify?: boolean;
}

/** The same for Node's TLS and HTTPS; empty where nothing was given. */
export function tlsOptions(tls: TlsFiles | undefined) {
  if (tls === undefined) return {};
  const { ca, cert, key, skipVerify } = tls;
  return {
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(cert === undefined ? {} : { cert: Buffer.from(cert) }),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(skipVerify === true ? { rejectUnauthorized: false } : {}),
  };
}
