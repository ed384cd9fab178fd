import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { ConfetdError } from '../base/errors.js';

/** A user of etcd's authentication. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** etcdserverpb.Auth.Authenticate: answers the token that later calls carry. */
export const AUTHENTICATE = {
  path: '/etcdserverpb.Auth/Authenticate',
  requestSerialize: ({ name, password }: { readonly name: string; readonly password: string }): Buffer => {
    const writer = new BinaryWriter();
    writer.uint32((1 << 3) | TEXT).string(name);
    writer.uint32((2 << 3) | TEXT).string(password);
    return Buffer.from(writer.finish());
  },
  responseDeserialize: (bytes: Buffer): string => {
    const reader = new BinaryReader(bytes);
    let token = '';
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 2) token = reader.string();
      else reader.skip(wireType);
    }
    return token;
  },
};

/** Protobuf's wire type of what has a length. */
const TEXT = 2;

/** The server doesn't know the token (any more): logging in anew may help. */
export function isTokenRefused(error: unknown): boolean {
  return (
    error instanceof ConfetdError &&
    (error.code === 'unauthenticated' || /invalid auth token|revision in token is old/.test(error.message))
  );
}

export function isAuthenticationOff(error: unknown): boolean {
  return error instanceof ConfetdError && /authentication is not enabled/.test(error.message);
}
